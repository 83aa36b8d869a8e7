import { Option, type Command } from 'commander';
import { readFileAnswer } from '#cli/answers.ts';
import { exitCodes, type ExitCode } from '#cli/exit-codes.ts';
import { filePath } from '#cli/file-path.ts';
import { printable } from '#cli/printable.ts';
import { renderFile } from '#cli/render-file.ts';
import type { RunCommand } from '#cli/run-command.ts';
import type { Session } from '#cli/session.ts';

interface Options {
  readonly sidecar?: boolean;
  readonly schemaVersion?: string;
}

export function addShow(program: Command, run: RunCommand): void {
  program
    .command('show')
    .description('Show what is known of a file, or its sidecar byte for byte')
    .argument('<file_id>')
    .option('--sidecar', 'attr.json as it lies on the element')
    .addOption(
      new Option('--schema-version <version>', 'the sidecar in this form')
        .choices(['1.0', '2.0'])
        .implies({ sidecar: true }),
    )
    .action((fileId: string, options: Options, self: Command) =>
      run(self, (session) => show(session, fileId, options)),
    );
}

async function show(session: Session, fileId: string, options: Options): Promise<ExitCode> {
  const { terminal } = session;
  const api = await session.connect();
  if (options.sidecar === true) {
    const { text, headers } = await api.call({
      method: 'GET',
      path: `${filePath(fileId)}/attributes`,
      query: { schema_version: options.schemaVersion },
      repeat: 'always',
    });
    const dropped = headers['artstore-dropped'];
    if (dropped !== undefined)
      terminal.note(printable(`Left out of this form: ${String(dropped)}`));
    await terminal.printText(text);
    return exitCodes.ok;
  }
  const { json, headers } = await api.call({
    method: 'GET',
    path: filePath(fileId),
    repeat: 'always',
  });
  const file = readFileAnswer(json);
  if (terminal.isJson) await terminal.printJson(file.json);
  else {
    const etag = headers.etag ?? '';
    for (const line of renderFile(file.json, etag)) await terminal.print(line);
  }
  return exitCodes.ok;
}
