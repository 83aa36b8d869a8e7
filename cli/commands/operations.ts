import { Option, type Command } from 'commander';
import { exitCodes, type ExitCode } from '#cli/exit-codes.ts';
import { printFailures } from '#cli/failure-table.ts';
import { printItems } from '#cli/file-table.ts';
import { addControls } from '#cli/operation-controls.ts';
import { operationPath } from '#cli/operation-path.ts';
import { readOperation, renderCounts, renderOperation } from '#cli/operation-answer.ts';
import { showOperation, watchOperation } from '#cli/operation-watch.ts';
import { integerIn, secondsAsMs } from '#cli/option-values.ts';
import { printable, renderInstant } from '#cli/printable.ts';
import { printResult } from '#cli/render-result.ts';
import type { RunCommand } from '#cli/run-command.ts';
import type { Session } from '#cli/session.ts';
import type { JsonObject } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import { operationStates } from '#domain/operations.ts';

interface ListOptions {
  readonly kind?: string;
  readonly state?: string;
  readonly subject?: string;
  readonly startedBy?: string;
  readonly limit: number;
}

const anyCount = { min: 1, max: Number.MAX_SAFE_INTEGER };

export function addOperations(program: Command, run: RunCommand): void {
  const operations = program
    .command('operations')
    .description('Running and finished work: uploads, changes, deletions, migrations, rebuilds');
  operations
    .command('list')
    .description('Newest first')
    .option('--kind <kind>', 'such as storeFiles, deleteFile, migrateAttributes')
    .addOption(new Option('--state <state>').choices(operationStates))
    .option('--subject <id>', 'of the file or the element')
    .option('--started-by <account_id>')
    .option('--limit <n>', 'no more than so many', integerIn(anyCount), 50)
    .action((options: ListOptions, self: Command) =>
      run(self, (session) => listOperations(session, options)),
    );
  operations
    .command('show')
    .description('State, progress and result of an operation')
    .argument('<operation_id>')
    .action((id: string, _options: object, self: Command) =>
      run(self, (session) => show(session, id)),
    );
  addWatch(operations, run);
  addControls(operations, run);
  addFailures(operations, run, operationPath);
}

/** Also below `migrate`: a migration's id is its operation's. */
export function addWatch(group: Command, run: RunCommand): void {
  group
    .command('watch')
    .description('Follow an operation to its end; the exit code is its outcome')
    .argument('<operation_id>')
    .option('--timeout <seconds>', 'no longer than this; the operation goes on', secondsAsMs)
    .action((id: string, { timeout = null }: { timeout?: number | null }, self: Command) =>
      run(self, (session) => watchOperation(session, id, { timeoutMs: timeout })),
    );
}

export function addFailures(
  group: Command,
  run: RunCommand,
  pathOf: (operationId: string) => string,
): void {
  group
    .command('failures')
    .description('What failed or was found, all of it; --json is an export')
    .argument('<operation_id>')
    .option('--limit <n>', 'no more than so many', integerIn(anyCount))
    .action((id: string, { limit }: { limit?: number }, self: Command) =>
      run(self, (session) => printFailures(session, `${pathOf(id)}/failures`, limit)),
    );
}

async function listOperations(session: Session, options: ListOptions): Promise<ExitCode> {
  const api = await session.connect();
  const { kind, state, subject, startedBy } = options;
  const query = { kind, state, subject_id: subject, started_by: startedBy };
  await printItems(
    session.terminal,
    {
      fetchPage: (cursor, limit) =>
        api.call({
          method: 'GET',
          path: '/operations',
          query: { ...query, cursor, limit },
          repeat: 'always',
        }),
      pageSizeMax: limits.pageSizeMax,
      limit: options.limit,
    },
    {
      columns: [
        { title: 'OPERATION ID', width: 36 },
        { title: 'KIND', width: 18 },
        { title: 'STATE', width: 9 },
        { title: 'STARTED', width: 20 },
        { title: 'PROGRESS', width: null },
      ],
      cells: operationCells,
    },
  );
  return exitCodes.ok;
}

function operationCells(json: JsonObject, isForPeople: boolean): readonly string[] {
  const operation = readOperation(json);
  const { operationId, kind, state, createdAt } = operation;
  return [
    printable(operationId),
    printable(kind),
    state,
    isForPeople ? renderInstant(createdAt) : printable(createdAt),
    renderCounts(operation) ?? '',
  ];
}

async function show(session: Session, operationId: string): Promise<ExitCode> {
  const { terminal } = session;
  const operation = await showOperation(await session.connect(), operationId);
  if (terminal.isJson) await terminal.printJson(operation.json);
  else {
    await terminal.print(renderOperation(operation));
    await printResult(terminal, operation);
  }
  return exitCodes.ok;
}
