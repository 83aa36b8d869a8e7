import type { Command } from 'commander';
import { numberAt, readPage, textAt } from '#cli/answers.ts';
import type { ApiClient } from '#cli/api-client.ts';
import { objectOf } from '#cli/api-answers.ts';
import { readJsonArgument } from '#cli/argument-files.ts';
import { damagedError, usageError } from '#cli/cli-error.ts';
import { exitCodes, type ExitCode } from '#cli/exit-codes.ts';
import { printItems } from '#cli/file-table.ts';
import { printable, renderInstant } from '#cli/printable.ts';
import type { RunCommand } from '#cli/run-command.ts';
import type { Session } from '#cli/session.ts';
import type { JsonObject } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';

const templatesPath = '/schemas/templates';

export function addTemplates(program: Command, run: RunCommand): void {
  const templates = program
    .command('templates')
    .description('Templates that custom attributes of files must fit');
  templates
    .command('add')
    .description('Register the next version of a template; the same schema again changes nothing')
    .argument('<name>')
    .requiredOption('--schema <file>', 'a JSON Schema (2020-12); - is standard input')
    .action((name: string, { schema }: { readonly schema: string }, self: Command) =>
      run(self, (session) => addTemplate(session, name, schema)),
    );
  templates
    .command('list')
    .description('All templates in their newest version, or all versions of one')
    .argument('[name]')
    .action((name: string | undefined, _options: object, self: Command) =>
      run(self, (session) => listTemplates(session, name)),
    );
  templates
    .command('show')
    .description('The schema of a template: of its newest version, unless one is named')
    .argument('<name[@version]>')
    .action((template: string, _options: object, self: Command) =>
      run(self, (session) => showTemplate(session, template)),
    );
}

async function addTemplate(session: Session, name: string, file: string): Promise<ExitCode> {
  const { terminal, world } = session;
  const schema = await readJsonArgument(file, world);
  const api = await session.connect();
  const answer = await api.call({
    method: 'POST',
    path: templatesPath,
    json: { name, schema },
    // What is the newest version already makes no other one.
    repeat: 'always',
  });
  const template = objectOf(answer.json);
  const id = textAt(template, 'template');
  if (terminal.isJson) await terminal.printJson(template);
  else await terminal.print(printable(id));
  if (answer.status === 200) terminal.note(`${printable(id)} says just this already.`);
  return exitCodes.ok;
}

async function listTemplates(session: Session, name: string | undefined): Promise<ExitCode> {
  const api = await session.connect();
  const path = name === undefined ? templatesPath : pathOf(name);
  await printItems(
    session.terminal,
    {
      fetchPage: (cursor, limit) =>
        api.call({ method: 'GET', path, query: { cursor, limit }, repeat: 'always' }),
      pageSizeMax: limits.pageSizeMax,
      limit: null,
    },
    {
      columns: [
        { title: 'CREATED', width: 20 },
        { title: 'TEMPLATE', width: null },
      ],
      cells: templateCells,
    },
  );
  return exitCodes.ok;
}

function templateCells(template: JsonObject, isForPeople: boolean): readonly string[] {
  const createdAt = textAt(template, 'created_at');
  return [
    isForPeople ? renderInstant(createdAt) : printable(createdAt),
    printable(textAt(template, 'template')),
  ];
}

async function showTemplate(session: Session, template: string): Promise<ExitCode> {
  const { terminal } = session;
  const [, name = '', version] = /^([^@]+)(?:@(\d{1,9}))?$/.exec(template) ?? [];
  if (name === '') throw usageError('A template is named name, or name@version.');
  const api = await session.connect();
  const chosen = version ?? (await newestVersion(api, name));
  const { text } = await api.call({
    method: 'GET',
    path: `${pathOf(name)}/${chosen}`,
    repeat: 'always',
  });
  await terminal.printText(text);
  return exitCodes.ok;
}

async function newestVersion(api: ApiClient, name: string): Promise<string> {
  const { json } = await api.call({
    method: 'GET',
    path: pathOf(name),
    query: { limit: 1 },
    repeat: 'always',
  });
  const [newest] = readPage(json).items;
  if (newest === undefined) throw damagedError('The template has no versions.');
  return String(numberAt(newest, 'version'));
}

function pathOf(name: string): string {
  return `${templatesPath}/${encodeURIComponent(name)}`;
}
