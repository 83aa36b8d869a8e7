import { readFileSync } from 'node:fs';
import { apiSettings, embeddedSettings, workerSettings } from './schema.ts';
import type { Setting } from './setting.ts';

type Schema = Readonly<Record<string, Setting<unknown>>>;
export type Environment = Readonly<Record<string, string | undefined>>;

/** Typed and frozen; a setting that is optional and not set is null. */
export type Config<S extends Schema> = {
  readonly [Name in keyof S]: S[Name] extends Setting<infer Value> ? Value : never;
};
export type ApiConfig = Config<typeof apiSettings>;
export type WorkerConfig = Config<typeof workerSettings>;
export type EmbeddedConfig = Config<typeof embeddedSettings>;

/** All faults of the environment at once; no message shows a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`The settings cannot be used:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.faults = faults;
  }
}

export function loadApiConfig(environment: Environment = process.env): ApiConfig {
  return loadConfig(apiSettings, environment);
}

export function loadWorkerConfig(environment: Environment = process.env): WorkerConfig {
  return loadConfig(workerSettings, environment);
}

export function loadEmbeddedConfig(environment: Environment = process.env): EmbeddedConfig {
  return loadConfig(embeddedSettings, environment);
}

/** @throws ConfigError naming every fault. An empty value counts as not set. */
function loadConfig<S extends Schema>(schema: S, environment: Environment): Config<S> {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(schema)) {
    const found = readText(setting, environment);
    if ('fault' in found) {
      faults.push(found.fault);
    } else if (found.text === null) {
      if (setting.isRequired) faults.push(`${setting.variable} is required`);
      values[name] = null;
    } else {
      const parsed = setting.parse(found.text);
      if (parsed.ok) values[name] = parsed.value;
      else faults.push(`${found.source} ${parsed.problem}`);
    }
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return Object.freeze(values) as Config<S>;
}

type Found = { readonly text: string | null; readonly source: string } | { readonly fault: string };

function readText(setting: Setting<unknown>, environment: Environment): Found {
  const { variable, defaultText } = setting;
  const direct = environment[variable] ?? '';
  const fileVariable = `${variable}_FILE`;
  const path = setting.isSecret === true ? (environment[fileVariable] ?? '') : '';
  if (direct !== '' && path !== '')
    return { fault: `${variable} and ${fileVariable} are both set` };
  if (path !== '') return readSecretFile(fileVariable, path);
  return { text: direct === '' ? defaultText : direct, source: variable };
}

function readSecretFile(source: string, path: string): Found {
  try {
    const text = readFileSync(path, 'utf8').trim();
    return text === '' ? { fault: `${source} names an empty file` } : { text, source };
  } catch {
    return { fault: `${source} names a file that cannot be read` };
  }
}
