import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from './atomic-file.ts';

/** Where everything is, for tools: `<data dir>/ready.json`. It is there exactly while all is up. */
export interface ReadyDocument {
  /** Origin of the API, without `/api/v1`. */
  readonly api_url: string;
  readonly docs_url: string;
  readonly temporal_address: string;
  readonly temporal_namespace: string;
  readonly temporal_ui_url: string | null;
  /** As administrator. */
  readonly postgres_url: string;
  readonly meilisearch_url: string;
  readonly redis_url: string | null;
  readonly credentials_file: string;
  /** Name → pid. */
  readonly processes: Readonly<Record<string, number>>;
}

export function writeReadyFile(dataDirectory: string, document: ReadyDocument): void {
  writeFileAtomically(pathOf(dataDirectory), `${JSON.stringify(document, null, 2)}\n`, 0o600);
}

export function removeReadyFile(dataDirectory: string): void {
  rmSync(pathOf(dataDirectory), { force: true });
}

function pathOf(dataDirectory: string): string {
  return join(dataDirectory, 'ready.json');
}
