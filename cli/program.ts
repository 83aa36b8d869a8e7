import { Command, CommanderError } from 'commander';
import { addDelete } from './commands/delete.ts';
import { addDownload } from './commands/download.ts';
import { addElements } from './commands/elements.ts';
import { addFind } from './commands/find.ts';
import { addList } from './commands/list.ts';
import { addLogin } from './commands/login.ts';
import { addLogout } from './commands/logout.ts';
import { addMigrate } from './commands/migrate.ts';
import { addOperations } from './commands/operations.ts';
import { addPatch } from './commands/patch.ts';
import { addProfile } from './commands/profile.ts';
import { addRebuild } from './commands/rebuild.ts';
import { addReconcile } from './commands/reconcile.ts';
import { addShow } from './commands/show.ts';
import { addTemplates } from './commands/templates.ts';
import { addUpload } from './commands/upload.ts';
import { clientLimits } from './client-limits.ts';
import { exitCodes, renderExitCodes, type ExitCode } from './exit-codes.ts';
import { integerIn } from './option-values.ts';
import { createRunCommand } from './run-command.ts';
import type { World } from './session.ts';

/** In the order that help shows them. */
const commands = [
  addLogin,
  addLogout,
  addProfile,
  addUpload,
  addDownload,
  addFind,
  addList,
  addShow,
  addPatch,
  addDelete,
  addOperations,
  addMigrate,
  addRebuild,
  addReconcile,
  addElements,
  addTemplates,
];

/** Runs one command line. @param argv without the names of node and of the script */
export async function runProgram(argv: readonly string[], world: World): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok;
  const program = createProgram(world, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and the version end like this too, with 0; everything else is a wrong command line.
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  return exitCode;
}

function createProgram(world: World, onEnd: (exitCode: ExitCode) => void): Command {
  const { retriesDefault, retriesMax } = clientLimits;
  const program = new Command('artstore')
    .description('Store, find and keep documents in an ArtStore.')
    .option('--profile <name>', 'the profile of artstore login; else ARTSTORE_PROFILE')
    .option('--url <url>', 'the server; else ARTSTORE_URL')
    .option('--json', 'data as lines of JSON, errors as problems of RFC 9457')
    .option('--quiet', 'only data and errors')
    .option('--no-progress', 'no bars')
    .option(
      '--retries <n>',
      'how often a request is repeated when the server is away',
      integerIn({ min: 0, max: retriesMax }),
      retriesDefault,
    )
    .showSuggestionAfterError()
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void world.stdout.write(text),
      writeErr: (text) => void world.stderr.write(text),
    });
  const run = createRunCommand(world, onEnd);
  for (const add of commands) add(program, run);
  program
    .command('exit-codes')
    .description('What the exit codes mean')
    .addHelpText('after', `\n${renderExitCodes()}`)
    .action(() => void world.stdout.write(`${renderExitCodes()}\n`));
  return program;
}
