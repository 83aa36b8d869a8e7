import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '#domain/json.ts';
import { CliError, errorCode, localError } from './cli-error.ts';
import { parseServerUrl } from './connection.ts';
import { exitCodes } from './exit-codes.ts';
import { parseJsonObject } from './lossless-json.ts';

/** What `npm start` leaves in its data directory. */
export interface LocalStack {
  /** Null while it is not running. */
  readonly url: string | null;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** @returns null when there are no credentials. @throws CliError when they cannot be read */
export async function findLocalStack(dataDirectory: string): Promise<LocalStack | null> {
  const ready = await readDocument(join(dataDirectory, 'ready.json'));
  const path = join(dataDirectory, 'credentials.json');
  const credentials = await readDocument(path);
  if (credentials === null) return null;
  const { client_id: clientId, client_secret: clientSecret } = credentials;
  if (typeof clientId !== 'string' || typeof clientSecret !== 'string') {
    throw new CliError(exitCodes.local, `${path} holds no credentials.`);
  }
  const url = ready?.['api_url'];
  return { url: typeof url === 'string' ? parseServerUrl(url) : null, clientId, clientSecret };
}

async function readDocument(path: string): Promise<JsonObject | null> {
  try {
    return parseJsonObject(await readFile(path, 'utf8'));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error))) return null;
    throw localError(path, 'read', error);
  }
}
