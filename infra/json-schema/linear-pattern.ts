import { RE2JS, RE2JSException } from 're2js';
import { limits } from '#domain/limits.ts';

/** Instructions times characters: at this many of them one unit is charged. */
const stepsOfUnit = 2;

/** One regular expression that runs in a time proportional to the text, whatever both are. */
export interface LinearPattern {
  test(text: string): boolean;
  /** Gives back what the engine remembers of texts; the next test builds it again. */
  forget(): void;
}

export type CompiledPattern =
  | { readonly ok: true; readonly pattern: LinearPattern }
  /** Why not, as the end of a sentence about it. */
  | { readonly ok: false; readonly message: string };

/** ECMA-262 names the property and its value, RE2 the value. */
const scriptName = /\\([pP])\{(?:Script|sc)=(\w+)\}/g;

/**
 * @param source valid in ECMA-262 with the flag `u`
 * @param charge is told what each test costs before it runs
 */
export function compileLinearPattern(
  source: string,
  charge: (work: { readonly units: number; readonly chars: number }) => void,
): CompiledPattern {
  let compiled: RE2JS | null;
  let size: number;
  const translated = RE2JS.translateRegExp(source.replaceAll(scriptName, '\\$1{$2}'));
  try {
    compiled = RE2JS.compile(translated);
    size = compiled.programSize();
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    const message =
      'uses what cannot run in linear time (a look-around, a back-reference, a large repetition) or a property of Unicode that is neither a short category nor a script';
    return { ok: false, message };
  }
  if (size > limits.templatePatternSize) {
    return { ok: false, message: 'repeats too much: it is too large when it is written out' };
  }
  const pattern: LinearPattern = {
    test(text) {
      const chars = text.length + 1;
      charge({ units: Math.ceil((size * chars) / stepsOfUnit), chars });
      compiled ??= RE2JS.compile(translated);
      return compiled.test(text);
    },
    forget() {
      compiled = null;
    },
  };
  return { ok: true, pattern };
}
