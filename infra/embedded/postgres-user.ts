import { realpathSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { CommandError, runCommand } from './run-command.ts';
import { StartupError } from './startup-error.ts';

/** How PostgreSQL's programs are run: as us, or, since they refuse root, as another user. */
export interface PostgresUser {
  readonly ids: { readonly uid: number; readonly gid: number } | null;
  /** Puts a program behind the change of user, when spawning as `ids` is not enough. */
  readonly wrap: (command: string, args: readonly string[]) => PostgresCommand;
}

export interface PostgresCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly user?: { readonly uid: number; readonly gid: number };
}

const userName = 'postgres';

/**
 * As root: the user `postgres`, made when the machine has none. Paths below a directory that only
 * root may enter (a fresh temporary directory, root's home) are opened to it by one capability,
 * given to these processes alone, rather than by changing directories that are not ours.
 */
export async function choosePostgresUser(
  paths: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<PostgresUser> {
  if (userInfo().uid !== 0) return { ids: null, wrap: (command, args) => ({ command, args }) };
  const ids = (await findUser(environment)) ?? (await createUser(environment));
  if (paths.every((path) => isReachable(path, ids))) {
    return { ids, wrap: (command, args) => ({ command, args, user: ids }) };
  }
  return {
    ids,
    wrap: (command, args) => ({
      command: 'setpriv',
      args: [
        `--reuid=${ids.uid}`,
        `--regid=${ids.gid}`,
        '--clear-groups',
        '--inh-caps=+dac_override',
        '--ambient-caps=+dac_override',
        command,
        ...args,
      ],
    }),
  };
}

/** Whether every directory above may be entered by that user; no look at supplementary groups. */
function isReachable(path: string, ids: { uid: number; gid: number }): boolean {
  const parent = realpathSync(dirname(path));
  for (let directory = parent; ; directory = dirname(directory)) {
    const { mode, uid, gid } = statSync(directory);
    const enterBit = uid === ids.uid ? 0o100 : gid === ids.gid ? 0o010 : 0o001;
    if ((mode & enterBit) === 0) return false;
    if (directory === dirname(directory)) return true;
  }
}

async function findUser(
  environment: Readonly<Record<string, string>>,
): Promise<{ uid: number; gid: number } | null> {
  try {
    const [uid, gid] = await Promise.all([
      runCommand({ command: 'id', args: ['-u', userName], environment }),
      runCommand({ command: 'id', args: ['-g', userName], environment }),
    ]);
    return { uid: Number(uid), gid: Number(gid) };
  } catch (error) {
    if (error instanceof CommandError) return null;
    throw error;
  }
}

async function createUser(
  environment: Readonly<Record<string, string>>,
): Promise<{ uid: number; gid: number }> {
  const args = ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin'];
  try {
    await runCommand({ command: 'useradd', args: [...args, userName], environment });
  } catch (error) {
    throw explainMissingUser(error);
  }
  const ids = await findUser(environment);
  if (ids === null) throw explainMissingUser(undefined);
  return ids;
}

function explainMissingUser(cause: unknown): StartupError {
  return new StartupError(
    `PostgreSQL does not run as root, and the user "${userName}" could not be made for it: ` +
      'make that user, or start as another user than root.',
    { cause },
  );
}
