import type { Command } from 'commander';
import type { ApiClient } from '#cli/api-client.ts';
import { readIds } from '#cli/argument-files.ts';
import { clientLimits } from '#cli/client-limits.ts';
import { confirm } from '#cli/confirm.ts';
import { exitCodes, type ExitCode } from '#cli/exit-codes.ts';
import { filePath } from '#cli/file-path.ts';
import { interruptedError } from '#cli/interruption.ts';
import {
  complainOf,
  exitCodeOfItems,
  noFailures,
  recordFailure,
  requireCliError,
  type ItemFailures,
} from '#cli/item-failures.ts';
import {
  exitCodeOfOperation,
  readOperation,
  renderOperation,
  type OperationAnswer,
} from '#cli/operation-answer.ts';
import { followOperation, type WaitOptions } from '#cli/operation-watch.ts';
import { integerIn } from '#cli/option-values.ts';
import { forEachParallel } from '#cli/parallel.ts';
import { printable } from '#cli/printable.ts';
import { describeError } from '#cli/render-error.ts';
import type { RunCommand } from '#cli/run-command.ts';
import type { Session } from '#cli/session.ts';
import { addWaitOptions } from '#cli/wait-options.ts';

interface Options extends WaitOptions {
  readonly yes?: boolean;
  readonly ifMatch?: string;
  readonly parallel: number;
}

export function addDelete(program: Command, run: RunCommand): void {
  const { parallelDefault: few, parallelMax: max } = clientLimits;
  const command = program
    .command('delete')
    .description('Delete files: readers no longer find them at once, their bytes go a little later')
    .argument('<file_id...>', 'ids; @file and - (standard input) for many')
    .option('--yes', 'do not ask')
    .option('--if-match <etag>', 'only in this state; for one file')
    .option('--parallel <n>', 'files at a time', integerIn({ min: 1, max }), few);
  addWaitOptions(command).action((sources: readonly string[], options: Options, self: Command) =>
    run(self, (session) => deleteFiles(session, sources, options)),
  );
}

interface Run {
  readonly session: Session;
  readonly api: ApiClient;
  readonly options: Options;
  readonly failures: ItemFailures;
}

async function deleteFiles(
  session: Session,
  sources: readonly string[],
  options: Options,
): Promise<ExitCode> {
  const { world, terminal, signal } = session;
  const ids = await readIds(sources, world);
  if (options.yes !== true) {
    const what = ids.length === 1 ? `the file ${printable(ids[0] ?? '')}` : `${ids.length} files`;
    if (!(await confirm(`Delete ${what}?`, world))) {
      terminal.note('Nothing was deleted.');
      return exitCodes.ok;
    }
  }
  const api = await session.connect();
  const failures = noFailures();
  const mustStop = (): boolean => failures.stop !== null || signal.aborted;
  const { parallel } = options;
  await forEachParallel(ids, { parallel, mustStop }, (fileId) =>
    deleteOne({ session, api, options, failures }, fileId),
  );
  if (signal.aborted) throw interruptedError(signal);
  return exitCodeOfItems(failures, ids.length);
}

async function deleteOne(run: Run, fileId: string): Promise<void> {
  const { session, failures } = run;
  const { terminal } = session;
  try {
    const operation = await startAndFollow(run, fileId);
    if (terminal.isJson) {
      await terminal.printJson({
        file_id: fileId,
        outcome: operation.state,
        operation: operation.json,
      });
    } else await terminal.print(renderOperation(operation));
    const exitCode = exitCodeOfOperation(operation);
    if (exitCode === exitCodes.ok) return;
    failures.count += 1;
    failures.exitCode = exitCode;
  } catch (thrown) {
    const error = requireCliError(thrown);
    recordFailure(failures, error);
    if (!terminal.isJson) complainOf(terminal, fileId, error);
    else {
      const line = { file_id: fileId, outcome: 'failed', error: describeError(error) };
      await terminal.printJson(line);
    }
  }
}

/** While a deletion runs, the same request gets the same operation: it may be repeated. */
async function startAndFollow(
  { session, api, options }: Run,
  fileId: string,
): Promise<OperationAnswer> {
  const { json } = await api.call({
    method: 'DELETE',
    path: filePath(fileId),
    ...(options.ifMatch !== undefined && { headers: { 'If-Match': options.ifMatch } }),
    repeat: 'always',
  });
  const operation = readOperation(json);
  if (options.wait !== true) return operation;
  return followOperation(operation.operationId, {
    api,
    signal: session.signal,
    timeoutMs: options.timeout ?? null,
    onChange: () => {},
  });
}
