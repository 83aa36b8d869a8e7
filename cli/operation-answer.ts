import { operationStates, type OperationState } from '#domain/operations.ts';
import type { JsonObject, JsonValue } from '#domain/json.ts';
import { numberAt, optionalObject, optionalText, textAt } from './answers.ts';
import { objectOf } from './api-answers.ts';
import { damagedError } from './cli-error.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { printable } from './printable.ts';

export interface OperationAnswer {
  readonly operationId: string;
  readonly kind: string;
  readonly state: OperationState;
  readonly progress: {
    readonly done: number;
    readonly failed: number;
    readonly skipped: number;
    readonly total: number;
  } | null;
  readonly subject: string;
  readonly createdAt: string;
  readonly error: string | null;
  readonly json: JsonObject;
}

/** @throws CliError for what no ArtStore answers */
export function readOperation(json: JsonValue | undefined): OperationAnswer {
  const object = objectOf(json);
  const progress = optionalObject(object, 'progress');
  const error = optionalObject(object, 'error');
  const subject = objectOf(object['subject']);
  return {
    operationId: textAt(object, 'operation_id'),
    kind: textAt(object, 'kind'),
    state: stateOf(textAt(object, 'state')),
    progress:
      progress === null
        ? null
        : {
            done: numberAt(progress, 'done'),
            failed: numberAt(progress, 'failed'),
            skipped: numberAt(progress, 'skipped'),
            total: numberAt(progress, 'total'),
          },
    subject: `${textAt(subject, 'type')} ${textAt(subject, 'id')}`,
    createdAt: textAt(object, 'created_at'),
    error:
      error === null
        ? null
        : [optionalText(error, 'title'), optionalText(error, 'detail')]
            .filter((part) => part !== null)
            .join(': '),
    json: object,
  };
}

function stateOf(text: string): OperationState {
  const state = operationStates.find((known) => known === text);
  if (state !== undefined) return state;
  throw damagedError(`The answer carries a state that is not known: ${printable(text)}.`);
}

export function hasEnded({ state }: Pick<OperationAnswer, 'state'>): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled';
}

/** Of an operation that has ended; of one that goes on: that it was started. */
export function exitCodeOfOperation({ state, progress }: OperationAnswer): ExitCode {
  if (state === 'failed' || state === 'cancelled') return exitCodes.operationEnded;
  return state === 'completed' && (progress?.failed ?? 0) > 0 ? exitCodes.someFailed : exitCodes.ok;
}

/** One line for people. */
export function renderOperation(operation: OperationAnswer): string {
  const { operationId, kind, state, error } = operation;
  const counts = renderCounts(operation);
  const parts = [`${kind} ${operationId}: ${state}`];
  if (counts !== null) parts.push(counts);
  if (error !== null && error !== '') parts.push(error);
  return printable(parts.join('; '));
}

export function renderCounts({ progress }: Pick<OperationAnswer, 'progress'>): string | null {
  if (progress === null) return null;
  const { done, failed, skipped, total } = progress;
  const parts = [`${done} of ${total} done`];
  if (skipped > 0) parts.push(`${skipped} skipped`);
  if (failed > 0) parts.push(`${failed} failed`);
  return parts.join(', ');
}
