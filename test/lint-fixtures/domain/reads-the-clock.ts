// Deliberately wrong: test/tidy.test.ts proves that the linter refuses each line.
import { readFile } from 'node:fs/promises';
import type { Limits } from '../limits.ts';
import { storeFiles } from '#workflows/store-files.ts';

export async function readSomething(limits: Limits): Promise<number> {
  storeFiles();
  await readFile('x');
  return Date.now() + limits.size;
}
