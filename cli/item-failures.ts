import { CliError, ProblemError } from './cli-error.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { isInterruption } from './interruption.ts';
import { printable } from './printable.ts';
import { isUnavailable } from './retries.ts';
import { renderError } from './render-error.ts';
import type { Terminal } from './terminal.ts';

/** What went wrong in a command over several items. */
export interface ItemFailures {
  count: number;
  /** Of the last one. */
  exitCode: ExitCode;
  /** Set when the rest is not tried. */
  stop: ExitCode | null;
}

export function noFailures(): ItemFailures {
  return { count: 0, exitCode: exitCodes.ok, stop: null };
}

/** What would befall every other item too ends the command: nobody waits for a thousand time limits. */
export function recordFailure(
  failures: ItemFailures,
  error: CliError,
  statusesForAll: readonly number[] = [401],
): void {
  failures.count += 1;
  failures.exitCode = error.exitCode;
  const isRefusal = error instanceof ProblemError;
  const isForAll = isRefusal
    ? statusesForAll.includes(error.status)
    : error.exitCode === exitCodes.denied;
  if (isUnavailable(error) || isInterruption(error) || isForAll) failures.stop ??= error.exitCode;
}

export function complainOf(terminal: Terminal, item: string, error: CliError): void {
  terminal.complain(`${printable(item)}: ${renderError(error)}`);
}

/** One item: its own code. Several: that some of them failed. */
export function exitCodeOfItems({ count, exitCode, stop }: ItemFailures, items: number): ExitCode {
  if (stop !== null) return stop;
  if (count === 0) return exitCodes.ok;
  return items === 1 ? exitCode : exitCodes.someFailed;
}

/** @throws whatever is no failure of the item itself */
export function requireCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  throw error;
}
