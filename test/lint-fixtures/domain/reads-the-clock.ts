// Deliberately wrong: the tidy test proves that the linter refuses each marked line.
import { readFile } from 'node:fs/promises'; // refused
import { limits } from '../limits.ts'; // refused
import { storeFiles } from '#workflows/store-files.ts'; // refused
import { isUuid } from '#domain/ids.ts';

export async function readSomething(): Promise<unknown> {
  isUuid(String(limits));
  await readFile('x');
  storeFiles();
  return Date.now() + // refused
    Math.random(); // refused
}
