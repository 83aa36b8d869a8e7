import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly signal?: AbortSignal;
  readonly onErrorLine?: (line: string) => void;
}

export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly isCommandMissing: boolean;
  /** The end of what it wrote to standard error. */
  readonly output: string;

  constructor(command: string, reason: string, options: { output?: string; cause?: unknown } = {}) {
    const output = options.output ?? '';
    super(`${command}: ${reason}${output === '' ? '' : `\n${output}`}`, { cause: options.cause });
    this.output = output;
    this.isCommandMissing = (options.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
  }
}

const keptLines = 20;

/** @returns standard output. @throws CommandError unless it ends with 0. */
export async function runCommand(command: Command): Promise<string> {
  const child = spawn(command.command, command.args, {
    env: command.environment,
    cwd: command.workingDirectory,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: command.signal,
    ...command.user,
  });
  const lastLines: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    command.onErrorLine?.(line);
    lastLines.push(line);
    if (lastLines.length > keptLines) lastLines.shift();
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code, signal] = await waitForEnd(command.command, child);
  if (code === 0) return output;
  throw new CommandError(command.command, `ended with ${code ?? signal ?? 'an error'}`, {
    output: lastLines.join('\n'),
  });
}

async function waitForEnd(
  name: string,
  child: ReturnType<typeof spawn>,
): Promise<[number | null, NodeJS.Signals | null]> {
  try {
    return (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  } catch (error) {
    throw new CommandError(name, 'cannot be started', { cause: error });
  }
}
