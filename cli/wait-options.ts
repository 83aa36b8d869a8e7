import type { Command } from 'commander';
import { secondsAsMs } from './option-values.ts';

/** For every command that starts an operation. */
export function addWaitOptions(command: Command): Command {
  return command
    .option('--wait', 'wait for the end of the operation; the exit code is its outcome')
    .option('--timeout <seconds>', 'wait no longer than this; the operation goes on', secondsAsMs);
}
