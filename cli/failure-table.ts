import type { JsonObject } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import { optionalText, textAt } from './answers.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { printItems } from './file-table.ts';
import { printable } from './printable.ts';
import type { Session } from './session.ts';

/** Everything that failed in, or was found by, one operation: all pages. @param path of the list */
export async function printFailures(
  session: Session,
  path: string,
  limit: number | undefined,
): Promise<ExitCode> {
  const api = await session.connect();
  const count = await printItems(
    session.terminal,
    {
      fetchPage: (cursor, pageSize) =>
        api.call({ method: 'GET', path, query: { cursor, limit: pageSize }, repeat: 'always' }),
      pageSizeMax: limits.pageSizeMax,
      limit: limit ?? null,
    },
    {
      columns: [
        { title: 'CODE', width: 24 },
        { title: 'FILE ID', width: 36 },
        { title: 'WHERE AND WHY', width: null },
      ],
      cells: failureCells,
    },
  );
  if (count === 0) session.terminal.note('There are none.');
  return exitCodes.ok;
}

function failureCells(item: JsonObject): readonly string[] {
  const path = optionalText(item, 'path');
  const detail = textAt(item, 'detail');
  return [
    printable(textAt(item, 'code')),
    printable(optionalText(item, 'file_id') ?? '-'),
    printable(path === null ? detail : `${path}: ${detail}`),
  ];
}
