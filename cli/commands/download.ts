import type { Command } from 'commander';
import { readFileAnswer, type FileAnswer } from '#cli/answers.ts';
import type { ApiClient } from '#cli/api-client.ts';
import { readIds } from '#cli/argument-files.ts';
import { usageError } from '#cli/cli-error.ts';
import {
  chooseTarget,
  isExistingDirectory,
  requireRoomAt,
  writeTarget,
} from '#cli/download-target.ts';
import type { ExitCode } from '#cli/exit-codes.ts';
import { filePath } from '#cli/file-path.ts';
import {
  complainOf,
  exitCodeOfItems,
  noFailures,
  recordFailure,
  requireCliError,
} from '#cli/item-failures.ts';
import { printable } from '#cli/printable.ts';
import { openProgress } from '#cli/progress.ts';
import { describeError } from '#cli/render-error.ts';
import type { RunCommand } from '#cli/run-command.ts';
import type { Session } from '#cli/session.ts';
import { readVerified } from '#cli/verified-download.ts';

interface Options {
  readonly output?: string;
  readonly force?: boolean;
}

export function addDownload(program: Command, run: RunCommand): void {
  program
    .command('download')
    .summary('fetch the bytes of files')
    .description(
      'Fetch the bytes of files. Each is verified by its SHA-256 before it gets its name;\n' +
        'nothing that exists is replaced without --force.',
    )
    .argument('<file_id...>', 'ids; @file for many')
    .option('-o, --output <path>', 'a file, a directory, or - for standard output')
    .option('--force', 'replace what exists')
    .action((sources: readonly string[], options: Options, self: Command) =>
      run(self, (session) => download(session, sources, options)),
    );
}

interface Run {
  readonly session: Session;
  readonly api: ApiClient;
  readonly output: string | null;
  readonly isForced: boolean;
}

async function download(
  session: Session,
  sources: readonly string[],
  { output = null, force = false }: { output?: string | null; force?: boolean },
): Promise<ExitCode> {
  const { terminal, world } = session;
  const ids = await readIds(sources, world);
  if (ids.length > 1) await requireForMany(output);
  const run = { session, api: await session.connect(), output, isForced: force };
  const failures = noFailures();
  for (const fileId of ids) {
    try {
      await downloadOne(run, fileId);
    } catch (thrown) {
      const error = requireCliError(thrown);
      recordFailure(failures, error);
      if (!terminal.isJson) complainOf(terminal, fileId, error);
      else terminal.complainJson({ file_id: fileId, ...describeError(error) });
    }
    if (failures.stop !== null) break;
  }
  return exitCodeOfItems(failures, ids.length);
}

async function requireForMany(output: string | null): Promise<void> {
  const isRight = output === null || (output !== '-' && (await isExistingDirectory(output)));
  if (!isRight) throw usageError('Several files need a directory to go to.');
}

async function downloadOne(run: Run, fileId: string): Promise<void> {
  const { session, api, output, isForced } = run;
  const { json } = await api.call({ method: 'GET', path: filePath(fileId), repeat: 'always' });
  const file = readFileAnswer(json);
  if (output === '-') {
    for await (const chunk of readContent(run, file)) await session.terminal.write(chunk);
    return;
  }
  const target = await chooseTarget(output, file.filename);
  await requireRoomAt(target, isForced);
  await writeTarget(target, readContent(run, file), { isForced });
  const line = { file_id: file.fileId, path: target, file_size: file.sizeBytes };
  await (session.terminal.isJson
    ? session.terminal.printJson({ ...line, sha256: file.checksum })
    : session.terminal.print(`${printable(file.fileId)}\t${printable(target)}`));
}

async function* readContent({ session, api }: Run, file: FileAnswer): AsyncGenerator<Uint8Array> {
  const { signal, options, terminal } = session;
  using bar = openProgress(terminal, 'bytes');
  let done = 0;
  for await (const chunk of readVerified(file, { api, signal, retries: options.retries })) {
    done += chunk.length;
    bar.update({ done, total: file.sizeBytes, label: printable(file.filename) });
    yield chunk;
  }
}
