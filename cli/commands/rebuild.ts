import type { Command } from 'commander';
import { textAt, readPage } from '#cli/answers.ts';
import type { ApiClient } from '#cli/api-client.ts';
import { usageError } from '#cli/cli-error.ts';
import { elementPath, elementsPath } from '#cli/element-path.ts';
import {
  complainOf,
  exitCodeOfItems,
  noFailures,
  recordFailure,
  requireCliError,
} from '#cli/item-failures.ts';
import { finishAccepted, type WaitOptions } from '#cli/operation-watch.ts';
import { exitCodes, type ExitCode } from '#cli/exit-codes.ts';
import { describeError } from '#cli/render-error.ts';
import type { RunCommand } from '#cli/run-command.ts';
import type { Session } from '#cli/session.ts';
import { startOperation } from '#cli/start-operation.ts';
import { addWaitOptions } from '#cli/wait-options.ts';

interface Options extends WaitOptions {
  readonly all?: boolean;
}

export function addRebuild(program: Command, run: RunCommand): void {
  const command = program
    .command('rebuild')
    .description('Make the rows of the catalogue again from the sidecars on an element')
    .argument('[element_id]')
    .option('--all', 'every element that is online');
  addWaitOptions(command).action((id: string | undefined, options: Options, self: Command) =>
    run(self, (session) => rebuild(session, id, options)),
  );
}

async function rebuild(
  session: Session,
  elementId: string | undefined,
  options: Options,
): Promise<ExitCode> {
  const isAll = options.all === true;
  if ((elementId === undefined) !== isAll) throw usageError('Name one element, or say --all.');
  const api = await session.connect();
  if (elementId !== undefined) return rebuildOne({ session, api, options }, elementId);
  const ids = await listServed(api);
  const failures = noFailures();
  for (const id of ids) {
    try {
      const exitCode = await rebuildOne({ session, api, options }, id);
      if (exitCode === exitCodes.ok) continue;
      failures.count += 1;
      failures.exitCode = exitCode;
    } catch (thrown) {
      const error = requireCliError(thrown);
      recordFailure(failures, error, [401, 403]);
      if (!session.terminal.isJson) complainOf(session.terminal, id, error);
      else session.terminal.complainJson({ element_id: id, ...describeError(error) });
    }
    if (failures.stop !== null) break;
  }
  return exitCodeOfItems(failures, ids.length);
}

interface Run {
  readonly session: Session;
  readonly api: ApiClient;
  readonly options: Options;
}

async function rebuildOne({ session, api, options }: Run, elementId: string): Promise<ExitCode> {
  const operation = await startOperation(api, `${elementPath(elementId)}/rebuild`);
  return finishAccepted(session, operation, options);
}

async function listServed(api: ApiClient): Promise<readonly string[]> {
  const { json } = await api.call({ method: 'GET', path: elementsPath, repeat: 'always' });
  return readPage(json)
    .items.filter((element) => element['status'] === 'online')
    .map((element) => textAt(element, 'element_id'));
}
