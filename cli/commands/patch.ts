import type { Command } from 'commander';
import { readFileAnswer } from '#cli/answers.ts';
import { readJsonArgument } from '#cli/argument-files.ts';
import { damagedError } from '#cli/cli-error.ts';
import { exitCodes, type ExitCode } from '#cli/exit-codes.ts';
import { filePath } from '#cli/file-path.ts';
import { buildPatch, changesTags, type PatchOptions } from '#cli/merge-patch.ts';
import { readOperation } from '#cli/operation-answer.ts';
import { finishAccepted, type WaitOptions } from '#cli/operation-watch.ts';
import { collect, collectMembers, instantText } from '#cli/option-values.ts';
import { printable } from '#cli/printable.ts';
import type { RunCommand } from '#cli/run-command.ts';
import type { Session } from '#cli/session.ts';
import { addWaitOptions } from '#cli/wait-options.ts';

interface Options extends PatchOptions, WaitOptions {
  readonly ifMatch?: string;
  readonly jsonPatch?: string;
}

export function addPatch(program: Command, run: RunCommand): void {
  const command = program
    .command('patch')
    .summary('change attributes of a file')
    .description(
      'Change attributes of a file. What was changed by others since it was read is not touched:\n' +
        'such a patch ends with exit code 5.',
    )
    .argument('<file_id>')
    .option('--set-description <text>', 'an empty text takes it away')
    .option('--set-version <text>', "the document's own version; empty takes it away")
    .option('--tag <tag>', 'add a tag; may be given several times', collect)
    .option('--untag <tag>', 'take a tag away; may be given several times', collect)
    .option('--metadata <key=text>', 'key=text, key:=json or {…}', collectMembers)
    .option('--custom <key=text>', 'custom attributes, in the same forms', collectMembers)
    .option('--remove-metadata <key>', 'take a member away', collect)
    .option('--remove-custom <key>', 'take a custom attribute away', collect)
    .option('--retain-until <instant>', 'can only be moved later', instantText)
    .option('--expires-at <instant>', 'of a temporary file', instantText)
    .option('--json-patch <file>', 'a JSON merge patch (RFC 7396); - is standard input')
    .option('--if-match <etag>', 'change only this state of the file, or * for any');
  addWaitOptions(command).action((fileId: string, options: Options, self: Command) =>
    run(self, (session) => patch(session, fileId, options)),
  );
}

async function patch(session: Session, fileId: string, options: Options): Promise<ExitCode> {
  const { terminal, world } = session;
  const document =
    options.jsonPatch === undefined ? {} : await readJsonArgument(options.jsonPatch, world);
  // Before anything is asked: what is no patch at all is a matter of the command line alone.
  buildPatch(options, document, []);
  const api = await session.connect();
  const path = filePath(fileId);
  let tags: readonly string[] = [];
  let etag = options.ifMatch;
  if (etag === undefined || changesTags(options)) {
    const { json, headers } = await api.call({ method: 'GET', path, repeat: 'always' });
    tags = tagsOf(readFileAnswer(json).json['tags']);
    etag ??= headers.etag;
  }
  if (etag === undefined) throw damagedError('The server told no state of the file to change.');
  const answer = await api.call({
    method: 'PATCH',
    path,
    headers: { 'If-Match': quoted(etag), 'Content-Type': 'application/merge-patch+json' },
    json: buildPatch(options, document, tags),
  });
  if (answer.status === 202) return finishAccepted(session, readOperation(answer.json), options);
  const file = readFileAnswer(answer.json);
  if (terminal.isJson) await terminal.printJson(file.json);
  else {
    const { etag: next = '' } = answer.headers;
    await terminal.print(`${printable(file.fileId)}	${printable(next)}`);
  }
  return exitCodes.ok;
}

/** Shells take quotes away: the digest alone means the tag. */
function quoted(etag: string): string {
  return etag === '*' || etag.includes('"') ? etag : `"${etag}"`;
}

function tagsOf(value: unknown): readonly string[] {
  const isList = Array.isArray(value) && value.every((tag) => typeof tag === 'string');
  if (!isList) throw damagedError('The answer lacks "tags".');
  return value;
}
