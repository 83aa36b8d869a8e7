import { mkdir, open, rmdir } from 'node:fs/promises';
import { constants } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from './filesystem-fault.ts';

const directoryMode = 0o750;
export const fileMode = 0o640;

/** Makes the names in a directory durable: fsync of a file does not cover its own name. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Makes the missing directories of `path` and fsyncs the parent of each new one, and `alsoSync`.
 * When one cannot be fsynced the new directories go again, so that the next attempt makes them
 * anew and does not take a lost entry for a durable one.
 */
export async function makeDirectories(
  path: string,
  alsoSync: readonly string[] = [],
): Promise<void> {
  const made: string[] = [];
  try {
    await makeMissing(path, made);
    const toSync = new Set([...alsoSync, ...made.map((directory) => dirname(directory))]);
    for (const directory of toSync) await syncDirectory(directory);
  } catch (error) {
    for (const directory of made.reverse()) await removeIfEmpty(directory);
    throw error;
  }
}

/** Appends what it made to `made`, outermost first. */
async function makeMissing(path: string, made: string[]): Promise<void> {
  try {
    if (await makeOne(path)) made.push(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
    await makeMissing(dirname(path), made);
    if (await makeOne(path)) made.push(path);
  }
}

/** @returns false when it was there. */
async function makeOne(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: directoryMode });
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function removeIfEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch {
    // Somebody uses it already, or the disk is gone: the fault that led here is the one to report.
  }
}
