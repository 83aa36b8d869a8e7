import type { ApiClient } from './api-client.ts';
import { CliError } from './cli-error.ts';
import { clientLimits } from './client-limits.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { isInterruption } from './interruption.ts';
import {
  exitCodeOfOperation,
  hasEnded,
  readOperation,
  renderOperation,
  type OperationAnswer,
} from './operation-answer.ts';
import { openProgress } from './progress.ts';
import { printResult } from './render-result.ts';
import { isUnavailable, pause } from './retries.ts';
import type { Session } from './session.ts';

export interface WaitOptions {
  readonly wait?: boolean;
  /** `--timeout`. */
  readonly timeout?: number;
}

interface Watch {
  readonly api: ApiClient;
  readonly signal: AbortSignal;
  /** Null: until it ends, however long that is. */
  readonly timeoutMs: number | null;
  readonly onChange: (operation: OperationAnswer) => Promise<void> | void;
}

/**
 * Asks until the operation has ended, at first often and then every two seconds. The server may be
 * away meanwhile: the operation does not depend on it being asked.
 * @throws CliError `unavailable` when the time is over or the server stays away
 */
export async function followOperation(operationId: string, watch: Watch): Promise<OperationAnswer> {
  const startedAtMs = performance.now();
  let lastHeardMs = startedAtMs;
  let waitMs: number = clientLimits.pollMinMs;
  let seen = '';
  for (;;) {
    try {
      const operation = await showOperation(watch.api, operationId);
      lastHeardMs = performance.now();
      const text = JSON.stringify(operation.json);
      if (text !== seen) await watch.onChange(operation);
      seen = text;
      if (hasEnded(operation)) return operation;
    } catch (error) {
      const isAway = isUnavailable(error);
      if (!isAway || performance.now() - lastHeardMs > clientLimits.outageMs) throw error;
    }
    const elapsedMs = performance.now() - startedAtMs;
    if (watch.timeoutMs !== null && elapsedMs >= watch.timeoutMs) throw timeOver(operationId);
    const leftMs = (watch.timeoutMs ?? Number.POSITIVE_INFINITY) - elapsedMs;
    await pause(Math.min(waitMs, leftMs), watch.signal);
    waitMs = Math.min(waitMs * 1.3, clientLimits.pollMaxMs);
  }
}

function timeOver(operationId: string): CliError {
  const message = `The time is over; the operation ${operationId} goes on.`;
  return new CliError(exitCodes.unavailable, message);
}

export async function showOperation(api: ApiClient, operationId: string): Promise<OperationAnswer> {
  const path = `/operations/${encodeURIComponent(operationId)}`;
  const { json } = await api.call({ method: 'GET', path, repeat: 'always' });
  return readOperation(json);
}

/** With a bar, or a line of JSON per change, until its end. */
export async function watchOperation(
  session: Session,
  operationId: string,
  { timeoutMs = null }: { readonly timeoutMs?: number | null } = {},
): Promise<ExitCode> {
  const { terminal, signal } = session;
  const api = await session.connect();
  const operation = await followWithBar(session, operationId, { api, timeoutMs });
  if (!terminal.isJson) {
    await terminal.print(renderOperation(operation));
    await printResult(terminal, operation);
  }
  if ((operation.progress?.failed ?? 0) > 0 && !signal.aborted) {
    terminal.note(`What failed: artstore operations failures ${operationId}`);
  }
  return exitCodeOfOperation(operation);
}

async function followWithBar(
  session: Session,
  operationId: string,
  { api, timeoutMs }: Pick<Watch, 'api' | 'timeoutMs'>,
): Promise<OperationAnswer> {
  const { terminal, signal } = session;
  let state = '';
  using bar = openProgress(terminal, 'items');
  try {
    return await followOperation(operationId, {
      api,
      signal,
      timeoutMs,
      async onChange(operation) {
        if (terminal.isJson) await terminal.printJson(operation.json);
        else if (!terminal.hasProgress && operation.state !== state && !hasEnded(operation)) {
          terminal.note(renderOperation(operation));
        }
        ({ state } = operation);
        if (!hasEnded(operation)) showProgress(bar, operation);
      },
    });
  } catch (error) {
    if (isInterruption(error)) {
      terminal.note(
        `The operation goes on. To see it again: artstore operations watch ${operationId}`,
      );
    }
    throw error;
  }
}

function showProgress(
  bar: { update(state: { done: number; total: number | null; label: string }): void },
  { progress, state, kind }: OperationAnswer,
): void {
  const { done = 0, failed = 0, skipped = 0, total = null } = progress ?? {};
  const troubles = failed > 0 ? `, ${failed} failed` : '';
  bar.update({ done: done + failed + skipped, total, label: `${kind} ${state}${troubles}` });
}

/** What every command does that was answered with 202: tells the operation, or waits for its end. */
export async function finishAccepted(
  session: Session,
  operation: OperationAnswer,
  { wait, timeout }: WaitOptions,
): Promise<ExitCode> {
  const { terminal } = session;
  if (wait === true) {
    return watchOperation(session, operation.operationId, { timeoutMs: timeout ?? null });
  }
  if (terminal.isJson) await terminal.printJson(operation.json);
  else await terminal.print(renderOperation(operation));
  return exitCodes.ok;
}
