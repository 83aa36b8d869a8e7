import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { childEnvironment } from '#config/child-environment.ts';
import type { ReadyDocument } from '#infra/embedded/ready-file.ts';
import { waitFor } from '#infra/embedded/wait-for.ts';

const main = fileURLToPath(import.meta.resolve('#infra/embedded/main.ts'));
/** A bound, not an expectation: the machine may be busy with other tests. */
const patienceMs = 150_000;

/** A supervisor as `npm start` runs it, on a data directory of the test's own. */
export interface EmbeddedProcess {
  readonly child: ChildProcess;
  /** Everything it has printed so far. */
  output(): string;
  ready(): ReadyDocument;
  /** Waits for ready.json to say so. */
  until(condition: (ready: ReadyDocument) => boolean): Promise<ReadyDocument>;
  /** Sends the signal and waits for its end. @returns its exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** PostgreSQL runs as another user when the tests run as root, and has to come through. */
export async function makeDataDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'artstore-embedded-'));
  await chmod(directory, 0o711);
  return directory;
}

export async function removeDataDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}

/** Runs it until it ends by itself: a start that is refused. */
export async function runEmbedded(
  settings: Readonly<Record<string, string>>,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const started = spawnEmbedded(settings);
  const [code] = (await once(started.child, 'close')) as [number | null];
  return { code, output: started.output() };
}

/** Starts it and waits until everything is up. */
export async function startEmbedded(
  dataDirectory: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<EmbeddedProcess> {
  const { child, output } = spawnEmbedded({
    ARTSTORE_DATA_DIR: dataDirectory,
    ARTSTORE_HTTP_PORT: '0',
    ...settings,
  });
  const ready = (): ReadyDocument =>
    JSON.parse(readFileSync(join(dataDirectory, 'ready.json'), 'utf8')) as ReadyDocument;
  const embedded: EmbeddedProcess = {
    child,
    output,
    ready,
    async until(condition) {
      await waitFor(() => condition(ready()), AbortSignal.timeout(patienceMs));
      return ready();
    },
    async end(signal) {
      const ended = once(child, 'close') as Promise<[number | null]>;
      child.kill(signal);
      const [code] = await ended;
      return code;
    },
  };
  await waitFor(() => {
    if (child.exitCode !== null) return true;
    return ready().processes['supervisor'] === child.pid;
  }, AbortSignal.timeout(patienceMs));
  if (child.exitCode !== null) throw new Error(`the stack did not start:\n${output()}`);
  return embedded;
}

function spawnEmbedded(settings: Readonly<Record<string, string>>): {
  child: ChildProcess;
  output: () => string;
} {
  const child = spawn(process.execPath, [main], {
    env: childEnvironment(settings),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
  }
  return { child, output: () => text };
}

/** Pids of everything that runs on a data directory, by command line, directory or environment. */
export function processesOn(dataDirectory: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && mentions(pid, dataDirectory));
}

function mentions(pid: number, dataDirectory: string): boolean {
  const texts = [
    () => readFileSync(`/proc/${pid}/cmdline`, 'utf8'),
    () => readFileSync(`/proc/${pid}/environ`, 'utf8'),
    () => readlinkSync(`/proc/${pid}/cwd`),
  ];
  return texts.some((read) => {
    try {
      return read().includes(dataDirectory);
    } catch {
      // Ended meanwhile, or not ours to look at.
      return false;
    }
  });
}
