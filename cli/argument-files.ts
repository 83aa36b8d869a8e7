import { open } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { JsonObject } from '#domain/json.ts';
import { CliError, localError, usageError } from './cli-error.ts';
import { clientLimits } from './client-limits.ts';
import { exitCodes } from './exit-codes.ts';
import { parseJsonObject } from './lossless-json.ts';
import type { World } from './session.ts';

/** A file that an argument names, or standard input for `-`. @throws CliError */
async function readArgumentFile(path: string, { stdin }: World): Promise<string> {
  const bytes = path === '-' ? await buffer(stdin) : await readBounded(path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new CliError(exitCodes.usage, `${path} is not text in UTF-8.`, { cause });
  }
}

async function readBounded(path: string): Promise<Uint8Array> {
  try {
    await using file = await open(path, 'r');
    const { size } = await file.stat();
    if (size <= clientLimits.argumentFileBytes) return await file.readFile();
  } catch (error) {
    throw localError(path, 'read', error);
  }
  throw usageError(`${path} is larger than ${clientLimits.argumentFileBytes} bytes.`);
}

/** @throws CliError */
export async function readJsonArgument(path: string, world: World): Promise<JsonObject> {
  const object = parseJsonObject(await readArgumentFile(path, world));
  if (object === null) throw usageError(`${path} does not hold a JSON object.`);
  return object;
}

/** Words: one a line, or with blanks or commas between them. */
async function readWords(path: string, world: World): Promise<readonly string[]> {
  const text = await readArgumentFile(path, world);
  return text.split(/[\s,]+/).filter((word) => word !== '');
}

/**
 * Ids as arguments give them: each one itself, `@file` and `-` (standard input) for many.
 * @throws CliError when there are none
 */
export async function readIds(
  sources: readonly string[],
  world: World,
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const source of sources) {
    if (source === '-') ids.push(...(await readWords('-', world)));
    else if (source.startsWith('@')) ids.push(...(await readWords(source.slice(1), world)));
    else ids.push(...source.split(',').filter((id) => id !== ''));
  }
  if (ids.length > 0) return [...new Set(ids)];
  throw usageError('No ids were given.');
}
