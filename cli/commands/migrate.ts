import { Option, type Command } from 'commander';
import { addFailures, addWatch } from './operations.ts';
import { readIds } from '#cli/argument-files.ts';
import { usageError } from '#cli/cli-error.ts';
import { exitCodes, type ExitCode } from '#cli/exit-codes.ts';
import { buildMigration, buildPace, type MigrationOptions } from '#cli/migration-request.ts';
import { addControls } from '#cli/operation-controls.ts';
import { readOperation } from '#cli/operation-answer.ts';
import { finishAccepted, type WaitOptions } from '#cli/operation-watch.ts';
import {
  collect,
  collectPairs,
  instantText,
  integerIn,
  positiveNumber,
} from '#cli/option-values.ts';
import { renderMembers } from '#cli/render-file.ts';
import type { RunCommand } from '#cli/run-command.ts';
import type { Session } from '#cli/session.ts';
import { startOperation } from '#cli/start-operation.ts';
import { addWaitOptions } from '#cli/wait-options.ts';
import { attributesVersions } from '#domain/attributes/versions.ts';

interface Options extends MigrationOptions, WaitOptions {
  readonly fileIds?: readonly string[];
  readonly watch?: boolean;
}

type Pace = Pick<MigrationOptions, 'concurrency' | 'rate'>;

const migrationsPath = '/migrations';
const anyCount = { min: 1, max: Number.MAX_SAFE_INTEGER };

export function addMigrate(program: Command, run: RunCommand): void {
  const migrate = program
    .command('migrate')
    .description('Bring the attributes of many files to another version');
  const plan = migrate
    .command('plan')
    .description('Do everything but write, wait for the end and tell what a run would do');
  addSelection(plan).action((options: Options, self: Command) =>
    run(self, (session) => start(session, { ...options, wait: true }, true)),
  );
  const launch = migrate.command('run').description('Start a migration');
  addSelection(launch)
    .option('--watch', 'follow it to its end; the same as --wait')
    .action((options: Options, self: Command) =>
      run(self, (session) =>
        start(
          session,
          { ...options, wait: options.watch === true || options.wait === true },
          false,
        ),
      ),
    );
  migrate
    .command('show')
    .description('What a run was asked for, its plan, how far it has come and how fast it goes')
    .argument('<operation_id>')
    .action((id: string, _options: object, self: Command) =>
      run(self, (session) => show(session, id)),
    );
  addWatch(migrate, run);
  addControls(migrate, run);
  addThrottle(migrate, run);
  addFailures(migrate, run, migrationPath);
  addFollowUp(migrate, run, {
    name: 'retry',
    description: 'Try again what is among the failures of a finished run',
  });
  addFollowUp(migrate, run, {
    name: 'revert',
    description: 'Put back the sidecars of a finished run as they were, byte for byte',
  });
}

function addSelection(command: Command): Command {
  return addWaitOptions(
    command
      .option('--from <version>', 'version of the files now', attributesVersions.first.version)
      .option('--to <version>', 'version after it', attributesVersions.newest.version)
      .option('--element <element_id>', 'only files of this element')
      .option('--created-from <instant>', 'created at this instant or later', instantText)
      .option('--created-to <instant>', 'created at this instant or earlier', instantText)
      .option('--file-ids <ids>', 'only these: ids with commas, @file, or -', collect)
      .option('--map <key=attribute>', 'metadata key to custom attribute', collectPairs)
      .addOption(
        new Option('--mapping-policy <policy>', 'where the attribute is there already').choices([
          'refuse',
          'keep',
          'replace',
        ]),
      )
      .option('--template <name@version>', 'what custom attributes must fit afterwards')
      .option('--batch-size <n>', 'files of one step', integerIn(anyCount))
      .option('--concurrency <n>', 'steps at a time', integerIn(anyCount))
      .option('--rate <files>', 'files a second, of the whole run', positiveNumber),
  );
}

async function start(session: Session, options: Options, isDryRun: boolean): Promise<ExitCode> {
  const fileIds =
    options.fileIds === undefined ? null : await readIds(options.fileIds, session.world);
  const json = buildMigration(options, { fileIds, isDryRun });
  const api = await session.connect();
  return finishAccepted(session, await startOperation(api, migrationsPath, json), options);
}

async function show(session: Session, id: string): Promise<ExitCode> {
  const { terminal } = session;
  const api = await session.connect();
  const path = migrationPath(id);
  const { json } = await api.call({ method: 'GET', path, repeat: 'always' });
  const run = readOperation(json);
  if (terminal.isJson) await terminal.printJson(run.json);
  else for (const line of renderMembers(run.json, '')) await terminal.print(line);
  return exitCodes.ok;
}

function addThrottle(migrate: Command, run: RunCommand): void {
  migrate
    .command('throttle')
    .description('Change the pace of a running migration')
    .argument('<operation_id>')
    .option('--rate <files>', 'files a second; 0 takes the limit away', rateOrNone)
    .option('--concurrency <n>', 'steps at a time', integerIn(anyCount))
    .action((id: string, options: Pace, self: Command) =>
      run(self, (session) => throttle(session, id, options)),
    );
}

function rateOrNone(text: string): number {
  return text === '0' ? 0 : positiveNumber(text);
}

async function throttle(session: Session, id: string, options: Pace): Promise<ExitCode> {
  const pace = buildPace(options);
  if (Object.keys(pace).length === 0) throw usageError('Say --rate, --concurrency, or both.');
  const json = options.rate === 0 ? { ...pace, files_per_second: null } : pace;
  const api = await session.connect();
  // The same pace twice is the same pace.
  const answer = await api.call({
    method: 'PATCH',
    path: migrationPath(id),
    json,
    repeat: 'always',
  });
  return finishAccepted(session, readOperation(answer.json), {});
}

function addFollowUp(
  migrate: Command,
  run: RunCommand,
  { name, description }: { readonly name: 'retry' | 'revert'; readonly description: string },
): void {
  const command = migrate.command(name).description(description).argument('<operation_id>');
  addWaitOptions(command).action((id: string, options: WaitOptions, self: Command) =>
    run(self, async (session) => {
      const api = await session.connect();
      const operation = await startOperation(api, `${migrationPath(id)}/${name}`);
      return finishAccepted(session, operation, options);
    }),
  );
}

function migrationPath(operationId: string): string {
  return `${migrationsPath}/${encodeURIComponent(operationId)}`;
}
