import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { childEnvironment } from '#config/child-environment.ts';

const launcher = fileURLToPath(import.meta.resolve('#cli/artstore'));

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as lines of JSON. */
  json<Line = Record<string, unknown>>(): Line[];
}

export interface CliRunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly cwd?: string;
}

export interface RunningCli {
  readonly child: ChildProcess;
  /** Everything it has written so far, both streams. */
  output(): string;
  readonly ended: Promise<CliResult>;
}

/** A user's home directory with its profiles, and the command as this user runs it. */
export interface CliHome extends AsyncDisposable {
  readonly directory: string;
  run(args: readonly string[], options?: CliRunOptions): Promise<CliResult>;
  start(args: readonly string[], options?: CliRunOptions): RunningCli;
}

/** @param variables that all its commands get */
export async function openCliHome(
  variables: Readonly<Record<string, string>> = {},
): Promise<CliHome> {
  const directory = await mkdtemp(join(tmpdir(), 'artstore-cli-'));
  const start: CliHome['start'] = (args, { env = {}, ...options } = {}) =>
    startCli(args, { cwd: directory, ...options, env: { ...variables, ...env } }, directory);
  return {
    directory,
    start,
    run: (args, options) => start(args, options).ended,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

function startCli(
  args: readonly string[],
  { env = {}, input = '', cwd }: CliRunOptions,
  home: string,
): RunningCli {
  const child = spawn(launcher, args, {
    cwd,
    env: childEnvironment({
      HOME: home,
      XDG_CONFIG_HOME: join(home, 'config'),
      XDG_CACHE_HOME: join(home, 'cache'),
      ...env,
    }),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    stdout += part;
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    stderr += part;
  });
  // It may end without having read what it was given.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const ended = (async (): Promise<CliResult> => {
    const [code] = (await once(child, 'close')) as [number | null];
    return {
      code,
      stdout,
      stderr,
      json: <Line>() =>
        stdout
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as Line),
    };
  })();
  return { child, output: () => stdout + stderr, ended };
}

/** Without a profile: as in a container. */
export function accountVariables(
  url: string,
  { clientId, secret }: { readonly clientId: string; readonly secret: string },
): Readonly<Record<string, string>> {
  return {
    ARTSTORE_URL: url,
    ARTSTORE_CLIENT_ID: clientId,
    ARTSTORE_CLIENT_SECRET: secret,
  };
}
