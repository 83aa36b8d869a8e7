import type { JsonObject } from '#domain/json.ts';
import { readFileAnswer, readPage, type Page } from './answers.ts';
import type { ApiAnswer } from './api-answers.ts';
import { printable, renderInstant, renderSize } from './printable.ts';
import type { Column, Terminal } from './terminal.ts';

export const fileColumns: readonly Column[] = [
  { title: 'FILE ID', width: 36 },
  { title: 'SIZE', width: 10, align: 'right' },
  { title: 'CREATED', width: 20 },
  { title: 'STATE', width: 9 },
  { title: 'NAME', width: null },
];

/** @param isForPeople sizes with units; otherwise bytes, for programs that read the columns */
export function fileCells(json: JsonObject, isForPeople: boolean): readonly string[] {
  const { fileId, sizeBytes, createdAt, state, filename } = readFileAnswer(json);
  return [
    printable(fileId),
    isForPeople ? renderSize(sizeBytes) : String(sizeBytes),
    isForPeople ? renderInstant(createdAt) : printable(createdAt),
    printable(state),
    printable(filename),
  ];
}

export interface Paging {
  readonly fetchPage: (cursor: string | null, limit: number) => Promise<ApiAnswer>;
  /** Of the route. */
  readonly pageSizeMax: number;
  /** Of the command; null: everything. */
  readonly limit: number | null;
}

/** Page by page: only one is held. */
async function* readPages({
  fetchPage,
  pageSizeMax,
  limit,
}: Paging): AsyncGenerator<Page & { readonly answer: ApiAnswer }> {
  let left = limit ?? Number.POSITIVE_INFINITY;
  let cursor: string | null = null;
  while (left > 0) {
    const answer = await fetchPage(cursor, Math.min(left, pageSizeMax));
    const page = readPage(answer.json);
    yield { ...page, answer };
    left -= page.items.length;
    if (page.next === null) return;
    cursor = page.next;
  }
}

/** Rows on a terminal, one JSON object a line with `--json`. */
export async function printItems(
  terminal: Terminal,
  paging: Paging,
  show: {
    readonly columns: readonly Column[];
    readonly cells: (item: JsonObject, isForPeople: boolean) => readonly string[];
  },
): Promise<number> {
  const table = terminal.table(show.columns);
  const isForPeople = terminal.stdout.isTTY;
  let count = 0;
  for await (const { items } of readPages(paging)) {
    for (const item of items) {
      count += 1;
      if (terminal.isJson) await terminal.printJson(item);
      else await table.row(show.cells(item, isForPeople));
    }
  }
  return count;
}
