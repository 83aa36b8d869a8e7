import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

/** The calls by which the adapter changes an element, or learns what is there. */
export const tracedCalls = [
  'openat',
  'statx',
  'readlink',
  'mkdir',
  'pwrite64',
  'pwritev',
  'fsync',
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

export interface Tracer {
  /** Lets the process go on untraced. */
  detach(): Promise<void>;
}

/**
 * Attaches to all threads of a running process; resolves when every call from now on is seen.
 * @throws naming the Debian package when strace is not there.
 */
export async function attachStrace(
  child: ChildProcess,
  options: { readonly traceFile: string; readonly injection?: Injection },
): Promise<Tracer> {
  const { traceFile, injection } = options;
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

export async function readTrace(traceFile: string): Promise<SystemCall[]> {
  const calls: SystemCall[] = [];
  const open = new Map<string, { text: string; startLine: number }>();
  const lines = (await readFile(traceFile, 'utf8')).split('\n');
  for (const [endLine, line] of lines.entries()) {
    const [, thread = '', text = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (text.endsWith(' <unfinished ...>')) {
      open.set(thread, { text: text.replace(/ <unfinished \.\.\.>$/, ''), startLine: endLine });
      continue;
    }
    const rest = /^<\.\.\. \w+ resumed>(.*)$/.exec(text)?.[1];
    const begun = rest === undefined ? undefined : open.get(thread);
    const whole = begun === undefined ? text : begun.text + String(rest);
    const match = /^(\w+)\((.*)\)\s+= (.*)$/.exec(whole);
    if (match === null) continue;
    const [, name = '', args = '', result = ''] = match;
    calls.push({ name, args, result, startLine: begun?.startLine ?? endLine, endLine });
  }
  return calls;
}
