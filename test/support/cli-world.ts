import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { runProgram } from '#cli/program.ts';
import type { World } from '#cli/session.ts';

export interface CliWorldOptions {
  readonly url: string;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly isTty?: boolean;
}

export interface CliOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  json<Line = Record<string, unknown>>(): Line[];
}

/** The command in this process, with an account in its environment and a home of its own. */
export async function runInWorld(
  args: readonly string[],
  options: CliWorldOptions,
): Promise<CliOutput> {
  const home = await mkdtemp(join(tmpdir(), 'artstore-cli-world-'));
  const [stdout, stderr] = [captured(options.isTty), captured(options.isTty)];
  const stdin = new PassThrough();
  stdin.end(options.input ?? '');
  const world: World = {
    env: {
      HOME: home,
      ARTSTORE_URL: options.url,
      ARTSTORE_CLIENT_ID: 'sa_dev_test_00000000',
      ARTSTORE_CLIENT_SECRET: testSecret,
      ...options.env,
    },
    stdin: stdin as unknown as World['stdin'],
    stdout: stdout.stream as unknown as World['stdout'],
    stderr: stderr.stream as unknown as World['stderr'],
    signal: options.signal ?? new AbortController().signal,
  };
  try {
    const code = await runProgram(args, world);
    return {
      code,
      stdout: stdout.text(),
      stderr: stderr.text(),
      json: <Line>() =>
        stdout
          .text()
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as Line),
    };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

export const testSecret = 'never-to-be-seen-anywhere';

function captured(isTty = false): { readonly stream: Writable; text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, callback) {
      chunks.push(Buffer.from(chunk));
      callback();
    },
  });
  Object.assign(stream, { isTTY: isTty, columns: 100, clearLine() {}, cursorTo() {} });
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}
