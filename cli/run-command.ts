import type { Command } from 'commander';
import { CliError } from './cli-error.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { describeError, renderError } from './render-error.ts';
import { createSession, type GlobalOptions, type Session, type World } from './session.ts';
import type { Terminal } from './terminal.ts';

/** Runs the work of a command and keeps its exit code. */
export type RunCommand = (
  command: Command,
  work: (session: Session) => Promise<ExitCode>,
) => Promise<void>;

export function createRunCommand(world: World, onEnd: (exitCode: ExitCode) => void): RunCommand {
  return async (command, work) => {
    using session = createSession(world, command.optsWithGlobals<GlobalOptions>());
    try {
      onEnd(await work(session));
    } catch (error) {
      onEnd(reportError(session.terminal, error));
    }
  };
}

/** One place for people and for programs to read what went wrong. */
function reportError(terminal: Terminal, error: unknown): ExitCode {
  const exitCode = error instanceof CliError ? error.exitCode : exitCodes.internal;
  if (terminal.isJson) terminal.complainJson(describeError(error));
  else terminal.complain(renderError(error));
  return exitCode;
}
