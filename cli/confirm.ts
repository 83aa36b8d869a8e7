import { createInterface } from 'node:readline/promises';
import { usageError } from './cli-error.ts';
import { interruptedError } from './interruption.ts';
import type { World } from './session.ts';

/** @throws CliError where nobody can be asked */
export async function confirm(question: string, world: World): Promise<boolean> {
  const { stdin, stderr, signal } = world;
  if (!stdin.isTTY || !stderr.isTTY) {
    throw usageError('Nobody can be asked here: --yes says that it is meant.');
  }
  using lines = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal });
    return /^(?:y|yes|да|д)$/i.test(answer.trim());
  } catch (error) {
    if (signal.aborted) throw interruptedError(signal);
    throw error;
  }
}
