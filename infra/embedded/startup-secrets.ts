import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from './atomic-file.ts';
import { StartupError } from './startup-error.ts';

export interface StartupSecrets {
  /** File with the key that encrypts signing keys, in Base64. */
  readonly masterKeyFile: string;
  readonly postgresSecret: string;
  readonly meilisearchKey: string;
}

/**
 * Reads `<data dir>/keys`, making what is not there yet.
 * @throws StartupError when a key is gone that existing data cannot be read without.
 */
export function loadStartupSecrets(dataDirectory: string): StartupSecrets {
  const directory = join(dataDirectory, 'keys');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const hasDatabase = existsSync(join(dataDirectory, 'postgres'));
  const masterKeyFile = join(directory, 'master.key');
  readOrMake(masterKeyFile, { bytes: 32, encoding: 'base64', mayMake: !hasDatabase });
  return {
    masterKeyFile,
    postgresSecret: readOrMake(join(directory, 'postgres.key'), {
      bytes: 32,
      encoding: 'base64url',
      mayMake: !hasDatabase,
    }),
    meilisearchKey: readOrMake(join(directory, 'meilisearch.key'), {
      bytes: 32,
      encoding: 'base64url',
      mayMake: true,
    }),
  };
}

function readOrMake(
  path: string,
  options: { bytes: number; encoding: 'base64' | 'base64url'; mayMake: boolean },
): string {
  if (existsSync(path)) return readFileSync(path, 'utf8').trim();
  if (!options.mayMake) {
    throw new StartupError(`${path} is missing, and the database needs it: restore it.`);
  }
  const key = randomBytes(options.bytes).toString(options.encoding);
  writeFileAtomically(path, `${key}\n`, 0o600);
  return key;
}
