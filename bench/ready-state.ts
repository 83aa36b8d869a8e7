import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What the product's `ready.json` tells tools, as far as benchmarks need it. */
export interface ReadyState {
  readonly api_url: string;
  readonly postgres_url: string;
  readonly temporal_address: string;
  readonly temporal_namespace: string;
  readonly credentials_file: string;
  readonly processes: Readonly<Record<string, number>>;
}

/** Null while the product is not ready. */
export async function readReadyState(dataDirectory: string): Promise<ReadyState | null> {
  try {
    return JSON.parse(await readFile(join(dataDirectory, 'ready.json'), 'utf8')) as ReadyState;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
