import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { CliError, usageError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import { interruptedError } from './interruption.ts';
import type { World } from './session.ts';

/** @throws CliError where nobody can be asked */
export async function askLine(question: string, { stdin, stderr, signal }: World): Promise<string> {
  if (!stdin.isTTY) throw usageError(`${question} is missing: give it as an option.`);
  using lines = createInterface({ input: stdin, output: stderr });
  try {
    return (await lines.question(`${question}: `, { signal })).trim();
  } catch (error) {
    if (signal.aborted) throw interruptedError(signal);
    throw error;
  }
}

/** From a terminal without showing it, else the first line of standard input. */
export async function askSecret(question: string, world: World): Promise<string> {
  const secret = world.stdin.isTTY ? await readHidden(question, world) : await readPiped(world);
  if (secret === '') throw usageError('The secret is empty.');
  return secret;
}

async function readPiped({ stdin }: World): Promise<string> {
  const [line = ''] = (await text(stdin)).split(/\r?\n/, 1);
  return line.trim();
}

const keys = { enter: ['\r', '\n'], end: '\u0004', interrupt: '\u0003', erase: ['\u007f', '\b'] };

async function readHidden(question: string, { stdin, stderr, signal }: World): Promise<string> {
  // Before the question: whoever types at once must not be shown either.
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  try {
    stderr.write(`${question}: `);
    let secret = '';
    for await (const data of stdin.iterator({ destroyOnReturn: false })) {
      for (const key of String(data)) {
        if (keys.enter.includes(key) || key === keys.end) return secret.trim();
        // In raw mode it is a character and no signal.
        if (key === keys.interrupt) throw new CliError(exitCodes.interrupted, 'Interrupted.');
        secret = keys.erase.includes(key) ? secret.slice(0, -1) : secret + key;
      }
      if (signal.aborted) throw interruptedError(signal);
    }
    return secret.trim();
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}
