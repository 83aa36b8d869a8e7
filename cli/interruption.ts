import { CliError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';

const codeOfSignal = { SIGINT: exitCodes.interrupted, SIGTERM: exitCodes.terminated } as const;
export type InterruptingSignal = keyof typeof codeOfSignal;
export const interruptingSignals = Object.keys(codeOfSignal) as readonly InterruptingSignal[];

/** @param reason of the abort; the name of the signal that the process got */
export function interruptedError({ reason }: AbortSignal): CliError {
  const code = reason === 'SIGTERM' ? exitCodes.terminated : exitCodes.interrupted;
  return new CliError(code, 'Interrupted.');
}

export function isInterruption(error: unknown): error is CliError {
  return (
    error instanceof CliError &&
    (error.exitCode === exitCodes.interrupted || error.exitCode === exitCodes.terminated)
  );
}
