import type { Command } from 'commander';
import type { ApiClient } from '#cli/api-client.ts';
import { CliError } from '#cli/cli-error.ts';
import { clientLimits } from '#cli/client-limits.ts';
import { exitCodes, type ExitCode } from '#cli/exit-codes.ts';
import { interruptedError } from '#cli/interruption.ts';
import {
  complainOf,
  exitCodeOfItems,
  noFailures,
  recordFailure,
  requireCliError,
  type ItemFailures,
} from '#cli/item-failures.ts';
import { exitCodeOfOperation } from '#cli/operation-answer.ts';
import { followOperation, type WaitOptions } from '#cli/operation-watch.ts';
import { integerIn } from '#cli/option-values.ts';
import { forEachParallel } from '#cli/parallel.ts';
import { printable, renderDuration, renderSize } from '#cli/printable.ts';
import { openProgress } from '#cli/progress.ts';
import { describeError } from '#cli/render-error.ts';
import type { RunCommand } from '#cli/run-command.ts';
import type { Session } from '#cli/session.ts';
import { addAttributeOptions, fieldsOf, type AttributeOptions } from '#cli/upload-attributes.ts';
import { uploadFile, type Uploaded } from '#cli/upload-file.ts';
import { expandSources, measureSources, type UploadSource } from '#cli/upload-sources.ts';
import { addWaitOptions } from '#cli/wait-options.ts';
import type { JsonObject } from '#domain/json.ts';

interface Options extends AttributeOptions, WaitOptions {
  readonly parallel: number;
  readonly follow?: boolean;
  readonly again?: boolean;
  readonly contentType?: string;
  readonly pathAs?: string;
}

export function addUpload(program: Command, run: RunCommand): void {
  const { parallelDefault: few, parallelMax: max } = clientLimits;
  const command = program
    .command('upload')
    .summary('store files and directories')
    .description(
      'Store files, directories with everything in them, and quoted patterns ("*.pdf").\n' +
        'The same command again stores nothing twice for a day; --again does.',
    )
    .argument('<path...>')
    .option('--parallel <n>', 'files at a time', integerIn({ min: 1, max }), few)
    .option('--follow', 'follow symbolic links; otherwise they are skipped')
    .option('--again', 'store also what the same command has stored before')
    .option('--content-type <type>', 'of all files; otherwise by the extension of each')
    .option('--path-as <key>', 'keep the path below the directory as this custom attribute');
  addWaitOptions(addAttributeOptions(command)).action(
    (paths: readonly string[], options: Options, self: Command) =>
      run(self, (session) => upload(session, paths, options)),
  );
}

interface Tally {
  stored: number;
  before: number;
  accepted: number;
  skipped: number;
  sizeBytes: number;
  readonly failures: ItemFailures;
}

/** The account may store nothing at all: no other file would fare better. */
const statusesForAll = [401, 403];

interface Run {
  readonly session: Session;
  readonly api: ApiClient;
  readonly options: Options;
  readonly fields: JsonObject;
  readonly tally: Tally;
  readonly onSent: (sizeBytes: number) => void;
}

type FileSource = Extract<UploadSource, { kind: 'file' }>;

async function upload(
  session: Session,
  paths: readonly string[],
  options: Options,
): Promise<ExitCode> {
  const { terminal, signal } = session;
  const startedAtMs = performance.now();
  const sourceOptions = { isFollowing: options.follow === true };
  const api = await session.connect();
  const total = terminal.hasProgress ? await measureSources(paths, sourceOptions) : null;
  const tally: Tally = {
    stored: 0,
    before: 0,
    accepted: 0,
    skipped: 0,
    sizeBytes: 0,
    failures: noFailures(),
  };
  {
    using bar = openProgress(terminal, 'bytes');
    let sentBytes = 0;
    const onSent = (sizeBytes: number): void => {
      sentBytes += sizeBytes;
      const ended = tally.stored + tally.accepted + tally.failures.count;
      const label =
        total === null ? '' : `file ${Math.min(ended + 1, total.files)} of ${total.files}`;
      bar.update({ done: sentBytes, total: total?.sizeBytes ?? null, label });
    };
    const state: Run = { session, api, options, fields: fieldsOf(options), tally, onSent };
    const mustStop = (): boolean => tally.failures.stop !== null || signal.aborted;
    const { parallel } = options;
    await forEachParallel(expandSources(paths, sourceOptions), { parallel, mustStop }, (source) =>
      takeSource(state, source),
    );
  }
  if (signal.aborted) tally.failures.stop ??= interruptedError(signal).exitCode;
  terminal.note(renderSummary(tally, performance.now() - startedAtMs));
  const { failures, stored, accepted } = tally;
  return exitCodeOfItems(failures, failures.count + stored + accepted);
}

async function takeSource(run: Run, source: UploadSource): Promise<void> {
  const { session, tally } = run;
  if (source.kind === 'skipped') {
    tally.skipped += 1;
    const { path, reason } = source;
    session.terminal.note(`${printable(path)}: skipped: ${reason}`);
    if (session.terminal.isJson) {
      await session.terminal.printJson({ path, outcome: 'skipped', reason });
    }
    return;
  }
  try {
    if (source.kind === 'failed') throw source.error;
    await store(run, source);
  } catch (error) {
    await reportFailure(run, source.path, requireCliError(error));
  }
}

async function store(run: Run, source: FileSource): Promise<void> {
  const { options, session, api, tally } = run;
  const { signal } = session;
  const uploaded = await uploadFile(source.path, fieldsFor(run, source), {
    api,
    signal,
    isFollowing: options.follow === true,
    contentType: options.contentType ?? null,
    isAnew: options.again === true,
    onSent: run.onSent,
  });
  tally.sizeBytes += source.sizeBytes;
  if (uploaded.kind === 'accepted' && options.wait === true) {
    await waitForStored(run, source, uploaded);
    return;
  }
  if (uploaded.kind === 'accepted') tally.accepted += 1;
  else {
    tally.stored += 1;
    if (!uploaded.isNew) tally.before += 1;
  }
  await reportUploaded(session, source, uploaded);
}

/** An upload is an operation with the id of its file. */
async function waitForStored(
  { api, session, options, tally }: Run,
  source: FileSource,
  { operation }: Extract<Uploaded, { kind: 'accepted' }>,
): Promise<void> {
  const ended = await followOperation(operation.operationId, {
    api,
    signal: session.signal,
    timeoutMs: options.timeout ?? null,
    onChange: () => {},
  });
  const exitCode = exitCodeOfOperation(ended);
  if (exitCode !== exitCodes.ok) {
    throw new CliError(exitCode, ended.error ?? `The upload has ended as ${ended.state}.`);
  }
  tally.stored += 1;
  await reportUploaded(session, source, { kind: 'accepted', operation: ended });
}

function fieldsFor({ fields, options: { pathAs } }: Run, source: FileSource): JsonObject {
  if (pathAs === undefined) return fields;
  const custom = fields['custom_attributes'] as JsonObject | undefined;
  return { ...fields, custom_attributes: { ...custom, [pathAs]: source.relativePath } };
}

async function reportUploaded(
  { terminal }: Session,
  { path }: FileSource,
  uploaded: Uploaded,
): Promise<void> {
  if (uploaded.kind === 'accepted') {
    const { operationId, state } = uploaded.operation;
    const outcome = state === 'completed' ? 'stored' : 'accepted';
    const line = { path, outcome, file_id: operationId, operation_id: operationId };
    await (terminal.isJson
      ? terminal.printJson(line)
      : terminal.print(`${printable(operationId)}\t${printable(path)}`));
    return;
  }
  const { file, isNew } = uploaded;
  await (terminal.isJson
    ? terminal.printJson({
        path,
        outcome: 'stored',
        file_id: file.fileId,
        is_new: isNew,
        file: file.json,
      })
    : terminal.print(`${printable(file.fileId)}\t${printable(path)}`));
}

async function reportFailure(
  { session: { terminal }, tally }: Run,
  path: string,
  error: CliError,
): Promise<void> {
  recordFailure(tally.failures, error, statusesForAll);
  if (!terminal.isJson) complainOf(terminal, path, error);
  else await terminal.printJson({ path, outcome: 'failed', error: describeError(error) });
}

function renderSummary(tally: Tally, durationMs: number): string {
  const { stored, before, accepted, skipped, sizeBytes, failures } = tally;
  const { count: failed, stop } = failures;
  const parts = [`${stored} stored${before > 0 ? ` (${before} of them before)` : ''}`];
  if (accepted > 0) parts.push(`${accepted} accepted and still being stored`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  if (failed > 0) parts.push(`${failed} failed`);
  const rest = stop === null ? '' : '; the rest was not tried';
  return `${parts.join(', ')}; ${renderSize(sizeBytes)} in ${renderDuration(durationMs)}${rest}`;
}
