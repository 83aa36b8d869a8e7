import { exitCodeOfStatus, exitCodes, type ExitCode } from './exit-codes.ts';
import type { JsonObject } from '#domain/json.ts';

/** What ends the command, or one of its items, with a sentence for the user and an exit code. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = exitCode;
  }
}

/** The server's refusal, as it came. */
export class ProblemError extends CliError {
  readonly status: number;
  readonly problem: JsonObject;
  /** What the server asked for, if it did. */
  readonly retryAfterMs: number | null;

  constructor(
    status: number,
    problem: JsonObject,
    { retryAfterMs = null }: { readonly retryAfterMs?: number | null } = {},
  ) {
    super(exitCodeOfStatus(status), sentenceOf(status, problem));
    this.status = status;
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
  }

  get code(): string | null {
    return textOf(this.problem['code']);
  }
}

function sentenceOf(status: number, problem: JsonObject): string {
  const title = textOf(problem['title']);
  const detail = textOf(problem['detail']);
  if (title === null) return detail ?? `The server answered ${status}.`;
  return detail === null ? `${title}.` : `${title}: ${detail}`;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** The connection failed. `wasSent`: the server may have done what it was asked for. */
export class ConnectionError extends CliError {
  readonly wasSent: boolean;

  constructor(message: string, { wasSent, cause }: { wasSent: boolean; cause?: unknown }) {
    super(exitCodes.unavailable, message, { cause });
    this.wasSent = wasSent;
  }
}

export function usageError(message: string, cause?: unknown): CliError {
  return new CliError(exitCodes.usage, message, { cause });
}

export function damagedError(message: string, cause?: unknown): CliError {
  return new CliError(exitCodes.damaged, message, { cause });
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of its path is no directory',
  ELOOP: 'it is a symbolic link',
  ENOSPC: 'no room is left',
  EDQUOT: 'the quota is used up',
  EROFS: 'the file system is read-only',
  ENAMETOOLONG: 'its name is too long',
  EEXIST: 'it exists already',
};

/** @param doing such as `read`, `written` */
export function localError(path: string, doing: string, cause: unknown): CliError {
  if (cause instanceof CliError) return cause;
  const code = errorCode(cause);
  const reason = reasons[code] ?? (code === '' ? 'for an unknown reason' : code);
  return new CliError(exitCodes.local, `${path} cannot be ${doing}: ${reason}`, { cause });
}

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
