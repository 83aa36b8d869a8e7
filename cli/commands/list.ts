import { Option, type Command } from 'commander';
import { exitCodes, type ExitCode } from '#cli/exit-codes.ts';
import { fileCells, fileColumns, printItems } from '#cli/file-table.ts';
import { instantText, integerIn } from '#cli/option-values.ts';
import type { RunCommand } from '#cli/run-command.ts';
import type { Session } from '#cli/session.ts';
import { limits } from '#domain/limits.ts';

interface Options {
  readonly filename?: string;
  readonly contentType?: string;
  readonly tag?: string;
  readonly username?: string;
  readonly element?: string;
  readonly state?: string;
  readonly policy?: string;
  readonly createdFrom?: string;
  readonly createdTo?: string;
  readonly sort: string;
  readonly order: string;
  readonly limit?: number;
}

const anyCount = { min: 1, max: Number.MAX_SAFE_INTEGER };

export function addList(program: Command, run: RunCommand): void {
  program
    .command('list')
    .description('List files, newest first; for words in names and texts see find')
    .option('--filename <name>', 'the exact name')
    .option('--content-type <type>')
    .option('--tag <tag>')
    .option('--username <name>', 'whoever stored it')
    .option('--element <element_id>')
    .option('--state <state>', 'stored, deleting, suspect, corrupt, missing, …')
    .option('--policy <policy>', 'temporary or permanent')
    .option('--created-from <instant>', 'this instant or later', instantText)
    .option('--created-to <instant>', 'this instant or earlier', instantText)
    .addOption(
      new Option('--sort <field>')
        .choices(['created_at', 'updated_at', 'file_size', 'original_filename'])
        .default('created_at'),
    )
    .addOption(new Option('--order <order>').choices(['asc', 'desc']).default('desc'))
    .option('--limit <n>', 'no more than so many; otherwise all', integerIn(anyCount))
    .action((options: Options, self: Command) => run(self, (session) => list(session, options)));
}

async function list(session: Session, options: Options): Promise<ExitCode> {
  const api = await session.connect();
  const { filename, tag, username, state, sort, order } = options;
  const query = {
    filename,
    content_type: options.contentType,
    tag,
    username,
    element_id: options.element,
    state,
    retention_policy: options.policy,
    created_from: options.createdFrom,
    created_to: options.createdTo,
    sort,
    order,
  };
  await printItems(
    session.terminal,
    {
      fetchPage: (cursor, limit) =>
        api.call({
          method: 'GET',
          path: '/files',
          query: { ...query, cursor, limit },
          repeat: 'always',
        }),
      pageSizeMax: limits.pageSizeMax,
      limit: options.limit ?? null,
    },
    { columns: fileColumns, cells: fileCells },
  );
  return exitCodes.ok;
}
