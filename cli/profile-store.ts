import { join } from 'node:path';
import type { JsonObject } from '#domain/json.ts';
import { isJsonObject } from '#domain/strict-json.ts';
import { CliError, localError, usageError } from './cli-error.ts';
import type { Connection } from './connection.ts';
import { exitCodes } from './exit-codes.ts';
import { parseJsonObject } from './lossless-json.ts';
import { readPrivateFile, writePrivateFile } from './private-file.ts';

export interface Profiles {
  /** The one that commands use when none is named. */
  readonly current: string | null;
  readonly byName: ReadonlyMap<string, Connection>;
}

export interface ProfileStore {
  readonly path: string;
  read(): Promise<Profiles>;
  /** It becomes the current one. */
  save(name: string, connection: Connection): Promise<void>;
  /** @throws CliError when there is no such profile */
  use(name: string): Promise<void>;
  /** @returns what was removed; null when there is no such profile */
  remove(name: string): Promise<Connection | null>;
}

const nameForm = /^[\p{L}\p{N}._-]{1,64}$/u;

/** @throws CliError */
export function requireProfileName(name: string): string {
  if (nameForm.test(name)) return name;
  throw usageError('The name of a profile has 1 to 64 letters, digits, dots, dashes, underscores.');
}

/** `config.json` with the secrets of service accounts: mode 0600 in a directory of mode 0700. */
export function createProfileStore(directory: string): ProfileStore {
  const path = join(directory, 'config.json');

  async function read(): Promise<Profiles> {
    const text = await readPrivateFile(path);
    return text === null ? { current: null, byName: new Map() } : parseProfiles(text, path);
  }

  async function write({ current, byName }: Profiles): Promise<void> {
    const profiles = Object.fromEntries(
      [...byName].map(([name, { url, clientId, clientSecret }]) => [
        name,
        { url, client_id: clientId, client_secret: clientSecret },
      ]),
    );
    try {
      await writePrivateFile(path, `${JSON.stringify({ current, profiles }, null, 2)}\n`);
    } catch (error) {
      throw localError(path, 'written', error);
    }
  }

  return {
    path,
    read,
    async save(name, connection) {
      const { byName } = await read();
      await write({ current: name, byName: new Map([...byName, [name, connection]]) });
    },
    async use(name) {
      const { byName } = await read();
      if (!byName.has(name)) throw unknownProfile(name);
      await write({ current: name, byName });
    },
    async remove(name) {
      const { current, byName } = await read();
      const removed = byName.get(name);
      if (removed === undefined) return null;
      const left = new Map([...byName].filter(([other]) => other !== name));
      await write({ current: current === name ? null : current, byName: left });
      return removed;
    },
  };
}

export function unknownProfile(name: string): CliError {
  return new CliError(exitCodes.denied, `There is no profile "${name}": artstore login makes one.`);
}

function parseProfiles(text: string, path: string): Profiles {
  const document = parseJsonObject(text);
  const { current = null, profiles } = document ?? {};
  const isCurrent = current === null || typeof current === 'string';
  if (!isCurrent || !isJsonObject(profiles)) throw unreadable(path);
  const byName = new Map<string, Connection>();
  for (const [name, profile] of Object.entries(profiles)) {
    byName.set(name, parseProfile(isJsonObject(profile) ? profile : {}, path));
  }
  return { current, byName };
}

function parseProfile(profile: JsonObject, path: string): Connection {
  const { url, client_id: clientId, client_secret: clientSecret } = profile;
  const isWhole =
    typeof url === 'string' && typeof clientId === 'string' && typeof clientSecret === 'string';
  if (!isWhole) throw unreadable(path);
  return { url, clientId, clientSecret };
}

function unreadable(path: string): CliError {
  return new CliError(exitCodes.local, `${path} is damaged: remove it and log in again.`);
}
