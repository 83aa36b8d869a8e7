import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { errorCode } from './cli-error.ts';
import type { Connection } from './connection.ts';
import { parseJsonObject } from './lossless-json.ts';
import { readPrivateFile, removePrivateFile, writePrivateFile } from './private-file.ts';

export interface CachedToken {
  readonly accessToken: string;
  readonly expiresAtMs: number;
}

export interface TokenCache {
  find(connection: Connection): Promise<CachedToken | null>;
  keep(connection: Connection, token: CachedToken): Promise<void>;
  forget(connection: Connection): Promise<void>;
}

/** Where a cache cannot be: the next command fetches a token of its own. */
const harmless = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'ENOENT', 'ENOTDIR'];

/**
 * A file per account and secret: a token of one secret is never used with another.
 * @param onTrouble is told when a token cannot be kept
 */
export function createTokenCache(
  directory: string,
  onTrouble: (message: string) => void,
): TokenCache {
  return {
    async find(connection) {
      const text = await readPrivateFile(fileOf(directory, connection));
      const { access_token: accessToken, expires_at_ms: expiresAtMs } =
        (text === null ? null : parseJsonObject(text)) ?? {};
      const isToken = typeof accessToken === 'string' && typeof expiresAtMs === 'number';
      return isToken ? { accessToken, expiresAtMs } : null;
    },
    async keep(connection, { accessToken, expiresAtMs }) {
      const text = JSON.stringify({ access_token: accessToken, expires_at_ms: expiresAtMs });
      try {
        await writePrivateFile(fileOf(directory, connection), `${text}\n`);
      } catch (error) {
        if (!harmless.includes(errorCode(error))) throw error;
        onTrouble(`The access token cannot be kept in ${directory}: ${errorCode(error)}.`);
      }
    },
    forget: (connection) => removePrivateFile(fileOf(directory, connection)),
  };
}

function fileOf(directory: string, { url, clientId, clientSecret }: Connection): string {
  const name = createHash('sha256')
    .update(JSON.stringify([url, clientId, clientSecret]))
    .digest('hex');
  return join(directory, `${name}.json`);
}
