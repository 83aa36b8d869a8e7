import { Option, type Command } from 'commander';
import { numberAt, optionalObject, readPage, textAt } from '#cli/answers.ts';
import { objectOf } from '#cli/api-answers.ts';
import type { ApiRequest } from '#cli/api-client.ts';
import { usageError } from '#cli/cli-error.ts';
import { elementPath, elementsPath } from '#cli/element-path.ts';
import { exitCodes, type ExitCode } from '#cli/exit-codes.ts';
import { integerIn, sizeInBytes } from '#cli/option-values.ts';
import { printable, renderSize } from '#cli/printable.ts';
import { renderMembers } from '#cli/render-file.ts';
import type { RunCommand } from '#cli/run-command.ts';
import type { Session } from '#cli/session.ts';
import type { JsonObject } from '#domain/json.ts';

interface Settings {
  readonly name?: string;
  readonly priority?: number;
  readonly capacity?: number;
}

interface Registration extends Settings {
  readonly path: string;
  readonly mode: string;
  readonly adopt?: boolean;
}

const anyNumber = { min: 0, max: Number.MAX_SAFE_INTEGER };

export function addElements(program: Command, run: RunCommand): void {
  const elements = program
    .command('elements')
    .description('Storage elements: the directories that hold the files');
  elements
    .command('list')
    .description('All of them, in the order they are filled')
    .action((_options: object, self: Command) => run(self, listElements));
  elements
    .command('show')
    .argument('<element_id>')
    .description('Settings and room of an element')
    .action((id: string, _options: object, self: Command) =>
      run(self, (session) => callForElement(session, { method: 'GET', path: elementPath(id) })),
    );
  addRegister(elements, run);
  addUpdate(elements, run);
  addStatus(elements, run, {
    name: 'maintenance',
    description: 'Take an element out of use: reads go on, nothing is written to it',
  });
  addStatus(elements, run, { name: 'online', description: 'Take an element into use again' });
}

function addSettings(command: Command): Command {
  return command
    .option('--name <name>')
    .option('--priority <n>', 'the lowest is filled first', integerIn(anyNumber))
    .option('--capacity <size>', 'bytes, or such as 500G', sizeInBytes);
}

function addRegister(elements: Command, run: RunCommand): void {
  const register = elements
    .command('register')
    .description('Make a directory a storage element; the same again changes nothing')
    .argument('<element_id>')
    .requiredOption('--path <directory>', 'absolute, as the server sees it')
    .addOption(
      new Option('--mode <mode>', 'how files of it may change')
        .choices(['edit', 'rw', 'ro', 'ar'])
        .makeOptionMandatory(),
    )
    .option('--adopt', 'take over a directory that holds files; artstore rebuild shows them');
  addSettings(register).action((id: string, options: Registration, self: Command) =>
    run(self, (session) =>
      callForElement(session, {
        method: 'POST',
        path: elementsPath,
        json: {
          element_id: id,
          type: 'filesystem',
          mode: options.mode,
          location: { path: options.path },
          ...settingsOf({ ...options, name: options.name ?? id }),
          ...(options.adopt === true && { adopt: true }),
        },
      }),
    ),
  );
}

function addUpdate(elements: Command, run: RunCommand): void {
  const update = elements
    .command('update')
    .description('Change name, priority or capacity')
    .argument('<element_id>');
  addSettings(update).action((id: string, options: Settings, self: Command) =>
    run(self, (session) => {
      const json = settingsOf(options);
      if (Object.keys(json).length === 0) throw usageError('Say what to change.');
      return callForElement(session, { method: 'PATCH', path: elementPath(id), json });
    }),
  );
}

function addStatus(
  elements: Command,
  run: RunCommand,
  { name, description }: { readonly name: string; readonly description: string },
): void {
  elements
    .command(name)
    .description(description)
    .argument('<element_id>')
    .action((id: string, _options: object, self: Command) =>
      run(self, (session) => {
        const json = { status: name };
        return callForElement(session, { method: 'PATCH', path: elementPath(id), json });
      }),
    );
}

function settingsOf({ name, priority, capacity }: Settings): JsonObject {
  return {
    ...(name !== undefined && { name }),
    ...(priority !== undefined && { priority }),
    ...(capacity !== undefined && { capacity_bytes: capacity }),
  };
}

/** All of these may be sent twice: they say what shall be, not what shall change. */
async function callForElement(
  session: Session,
  request: Pick<ApiRequest, 'method' | 'path' | 'json'>,
): Promise<ExitCode> {
  const { terminal } = session;
  const api = await session.connect();
  const { json } = await api.call({ ...request, repeat: 'always' });
  const element = objectOf(json);
  textAt(element, 'element_id');
  if (terminal.isJson) await terminal.printJson(element);
  else for (const line of renderMembers(element, '')) await terminal.print(line);
  return exitCodes.ok;
}

async function listElements(session: Session): Promise<ExitCode> {
  const { terminal } = session;
  const api = await session.connect();
  const { json } = await api.call({ method: 'GET', path: elementsPath, repeat: 'always' });
  const table = terminal.table([
    { title: 'ELEMENT', width: 20 },
    { title: 'MODE', width: 4 },
    { title: 'STATUS', width: 11 },
    { title: 'PRIORITY', width: 8, align: 'right' },
    { title: 'USED', width: 10, align: 'right' },
    { title: 'FREE', width: 10, align: 'right' },
    { title: 'PATH', width: null },
  ]);
  for (const element of readPage(json).items) {
    if (terminal.isJson) await terminal.printJson(element);
    else await table.row(elementCells(element, terminal.stdout.isTTY));
  }
  return exitCodes.ok;
}

function elementCells(element: JsonObject, isForPeople: boolean): readonly string[] {
  const size = (name: string): string => {
    const sizeBytes = numberAt(element, name);
    return isForPeople ? renderSize(sizeBytes) : String(sizeBytes);
  };
  const location = optionalObject(element, 'location');
  return [
    printable(textAt(element, 'element_id')),
    printable(textAt(element, 'mode')),
    printable(textAt(element, 'status')),
    String(numberAt(element, 'priority')),
    size('used_bytes'),
    size('free_bytes'),
    location === null ? '' : printable(textAt(location, 'path')),
  ];
}
