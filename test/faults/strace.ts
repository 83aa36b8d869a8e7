import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** The calls by which the adapter changes an element, or learns what is there. */
const tracedCalls = [
  'openat',
  'statx',
  'readlink',
  'mkdir',
  'pwrite64',
  'pwritev',
  'fsync',
  'fdatasync',
  'rename',
  'unlink',
] as const;
export type TracedCall = (typeof tracedCalls)[number];

export interface Injection {
  readonly call: TracedCall;
  /** The n-th one of each thread; the traced process has one thread for its files. */
  readonly nth: number;
  /** `error=EIO`, `signal=KILL` */
  readonly effect: string;
}

interface Tracer {
  /** Lets the process go on untraced. */
  detach(): Promise<void>;
}

/** Attaches to all threads; resolves when every call from now on is seen. */
async function attachStrace(
  child: ChildProcess,
  traceFile: string,
  injection: Injection | undefined,
): Promise<Tracer> {
  const inject =
    injection === undefined
      ? []
      : ['-e', `inject=${injection.call}:${injection.effect}:when=${injection.nth}`];
  const args = ['-f', '-y', '-s', '300', '-e', `trace=${tracedCalls.join(',')}`, ...inject];
  const strace = spawn('strace', [...args, '-o', traceFile, '-p', String(child.pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(strace, 'exit');
  exited.catch(() => undefined);
  try {
    await once(strace, 'spawn');
  } catch (cause) {
    throw new Error('strace cannot be started: install the Debian package strace', { cause });
  }
  const said: string[] = [];
  let isAttached = false;
  for await (const line of createInterface({ input: strace.stderr })) {
    said.push(line);
    isAttached = /Process \d+ attached/.test(line);
    if (isAttached) break;
  }
  if (!isAttached) throw new Error(`strace cannot attach to a process: ${said.join(' ')}`);
  strace.stderr.resume();
  return {
    async detach() {
      strace.kill('SIGINT');
      await exited;
    },
  };
}

/** One call: where it starts and ends in the trace, so that overlapping ones are told apart. */
export interface SystemCall {
  readonly name: string;
  /** As strace prints them, descriptors with their paths: `17</tmp/x>`. */
  readonly args: string;
  readonly result: string;
  readonly startLine: number;
  readonly endLine: number;
}

/**
 * Traces a running process, whatever becomes of it, while `run` has it do something.
 * @throws naming the Debian package when strace is not there.
 */
export async function traceWhile<Result>(
  child: ChildProcess,
  run: () => Promise<Result>,
  injection?: Injection,
): Promise<{ result: Result; calls: SystemCall[]; isInjected: boolean }> {
  const folder = await mkdtemp(join(tmpdir(), 'artstore-trace-'));
  try {
    const traceFile = join(folder, 'trace');
    const tracer = await attachStrace(child, traceFile, injection);
    const result = await run();
    await tracer.detach();
    const text = await readFile(traceFile, 'utf8');
    const isInjected = /\(INJECTED\)|killed by SIGKILL/.test(text);
    return { result, calls: parseTrace(text), isInjected };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function parseTrace(text: string): SystemCall[] {
  const calls: SystemCall[] = [];
  const open = new Map<string, { text: string; startLine: number }>();
  for (const [endLine, line] of text.split('\n').entries()) {
    const [, thread = '', call = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (call.endsWith(' <unfinished ...>')) {
      open.set(thread, { text: call.replace(/ <unfinished \.\.\.>$/, ''), startLine: endLine });
      continue;
    }
    const rest = /^<\.\.\. \w+ resumed>(.*)$/.exec(call)?.[1];
    const begun = rest === undefined ? undefined : open.get(thread);
    const whole = begun === undefined ? call : begun.text + String(rest);
    const match = /^(\w+)\((.*)\)\s+= (.*)$/.exec(whole);
    if (match === null) continue;
    const [, name = '', args = '', result = ''] = match;
    calls.push({ name, args, result, startLine: begun?.startLine ?? endLine, endLine });
  }
  return calls;
}
