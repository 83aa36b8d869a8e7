/** One environment variable: how it is called, what it means, how its text becomes a value. */
export interface Setting<Value> extends SettingDescription {
  /** As it would be written in the environment; null: there is no default. */
  readonly defaultText: string | null;
  /** Without a value: a fault when true, else null. */
  readonly isRequired: boolean;
  readonly parse: (text: string) => Parsed<Value>;
}

export interface SettingDescription {
  readonly variable: `ARTSTORE_${string}`;
  readonly description: string;
  /** A secret can also be given as the path of a file that holds it: `<variable>_FILE`. */
  readonly isSecret?: true;
}

/** A problem says what is expected, never what was found: the value may be a secret. */
export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problem: string };

type Parser<Value> = (text: string) => Parsed<Value>;
/** @returns what the text must be and is not, or null. */
type Check = (text: string) => string | null;

export function required<Value>(
  description: SettingDescription,
  parse: Parser<Value>,
): Setting<Value> {
  return { ...description, defaultText: null, isRequired: true, parse };
}

export function optional<Value>(
  description: SettingDescription,
  parse: Parser<Value>,
): Setting<Value | null> {
  return { ...description, defaultText: null, isRequired: false, parse };
}

export function defaulting<Value>(
  description: SettingDescription & { readonly defaultText: string },
  parse: Parser<Value>,
): Setting<Value> {
  return { ...description, isRequired: false, parse };
}

export function text(check: Check): Parser<string> {
  return (text) => {
    const problem = check(text);
    return problem === null ? { ok: true, value: text } : { ok: false, problem };
  };
}

export function integer(range: { readonly min: number; readonly max: number }): Parser<number> {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return value >= range.min && value <= range.max
      ? { ok: true, value }
      : { ok: false, problem: `must be a whole number from ${range.min} to ${range.max}` };
  };
}

export function choice<const Choice extends string>(choices: readonly Choice[]): Parser<Choice> {
  return (text) => {
    const value = choices.find((choice) => choice === text);
    return value === undefined
      ? { ok: false, problem: `must be one of ${choices.join(', ')}` }
      : { ok: true, value };
  };
}

/** Items separated by commas; blanks around them do not count. */
export function list<Item extends string>(
  isItem: (text: string) => text is Item,
  problem: string,
): Parser<readonly Item[]> {
  return (text) => {
    const items = text.split(',').map((item) => item.trim());
    return items.every(isItem) ? { ok: true, value: items } : { ok: false, problem };
  };
}

/** Key material: exactly `sizeBytes` bytes in Base64. */
export function keyBytes(sizeBytes: number): Parser<Uint8Array> {
  return (text) => {
    const value = Buffer.from(text, 'base64');
    // Buffer skips what is not Base64: only a value that is written back the same was well-formed.
    return value.length === sizeBytes && value.toString('base64') === text
      ? { ok: true, value: new Uint8Array(value) }
      : { ok: false, problem: `must be ${sizeBytes} bytes in Base64` };
  };
}
