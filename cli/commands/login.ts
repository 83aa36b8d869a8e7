import type { Command } from 'commander';
import { CliError, usageError } from '#cli/cli-error.ts';
import { parseServerUrl, variable, type Connection } from '#cli/connection.ts';
import { exitCodes, type ExitCode } from '#cli/exit-codes.ts';
import { findLocalStack, type LocalStack } from '#cli/local-stack.ts';
import { printable } from '#cli/printable.ts';
import { requireProfileName } from '#cli/profile-store.ts';
import { repeating } from '#cli/retries.ts';
import type { RunCommand } from '#cli/run-command.ts';
import { askLine, askSecret } from '#cli/secret-prompt.ts';
import type { Session } from '#cli/session.ts';
import { fetchToken } from '#cli/token-source.ts';

interface Options {
  readonly clientId?: string;
  readonly from?: string;
}

const dataDirectoryDefault = '.artstore';

export function addLogin(program: Command, run: RunCommand): void {
  program
    .command('login')
    .summary('keep the credentials of a service account')
    .description(
      'Keep the credentials of a service account as a profile. The secret comes from\n' +
        'ARTSTORE_CLIENT_SECRET, from standard input, or is asked for; never from an argument.',
    )
    .option('--client-id <id>')
    .option('--from <directory>', `where npm start keeps its data (${dataDirectoryDefault})`)
    .action((options: Options, self: Command) => run(self, (session) => login(session, options)));
}

async function login(session: Session, options: Options): Promise<ExitCode> {
  const { world, terminal, profiles, tokens, http, signal } = session;
  const named = session.options.profile ?? variable(world.env, 'ARTSTORE_PROFILE');
  const profile = requireProfileName(named ?? 'default');
  const connection = await determineConnection(session, options);
  warnOfPlainHttp(session, connection.url);
  const { retries } = session.options;
  const onRetry = (message: string): void => terminal.note(message);
  const token = await repeating({ retries, signal, onRetry }, true, () =>
    fetchToken({ http, connection, signal }),
  );
  await profiles.save(profile, connection);
  await tokens.keep(connection, token);
  const { url, clientId } = connection;
  if (terminal.isJson) await terminal.printJson({ profile, url, client_id: clientId });
  else {
    await terminal.print(printable(`Logged in at ${url} as ${clientId} (profile "${profile}").`));
  }
  return exitCodes.ok;
}

async function determineConnection(session: Session, options: Options): Promise<Connection> {
  const { world } = session;
  const { env } = world;
  const namedUrl = session.options.url ?? variable(env, 'ARTSTORE_URL');
  const namedId = options.clientId ?? variable(env, 'ARTSTORE_CLIENT_ID');
  const local = await findLocal(session, options.from, namedUrl === null && namedId === null);
  const url = namedUrl === null ? (local?.url ?? null) : parseServerUrl(namedUrl);
  if (url === null) {
    throw usageError(
      local === null
        ? 'Name the server: --url https://…'
        : 'The local ArtStore is not running: start it, or name the server with --url.',
    );
  }
  const clientId = namedId ?? local?.clientId ?? (await askLine('Client id', world));
  if (clientId === '') throw usageError('The client id is empty.');
  const given = variable(env, 'ARTSTORE_CLIENT_SECRET');
  const kept = local?.clientId === clientId ? local.clientSecret : null;
  const clientSecret = given ?? kept ?? (await askSecret('Client secret', world));
  return { url, clientId, clientSecret };
}

/** Where nothing else was named, a stack that was started here is meant. */
async function findLocal(
  { terminal }: Session,
  from: string | undefined,
  isSearched: boolean,
): Promise<LocalStack | null> {
  if (from !== undefined) {
    const stack = await findLocalStack(from);
    if (stack !== null) return stack;
    throw new CliError(exitCodes.local, `There are no credentials in ${from}.`);
  }
  const found = isSearched ? await findLocalStack(dataDirectoryDefault) : null;
  if (found !== null) terminal.note(`Using the credentials in ${dataDirectoryDefault}.`);
  return found;
}

function warnOfPlainHttp({ terminal }: Session, url: string): void {
  const { protocol, hostname } = new URL(url);
  const isLocal = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
  if (protocol === 'http:' && !isLocal) {
    terminal.note(`warning: the secret goes to ${hostname} without encryption.`);
  }
}
