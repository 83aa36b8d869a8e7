import type { JsonObject } from '#domain/json.ts';
import type { UploadFailure } from '#domain/uploads.ts';
import type { AccountId, OperationId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';

export const operationStates = [
  'pending',
  'running',
  'paused',
  'completed',
  'failed',
  'cancelled',
] as const;
export type OperationState = (typeof operationStates)[number];

/** A running or finished workflow as the API shows it. */
export interface Operation {
  readonly operationId: OperationId;
  /** The workflow's name. */
  readonly kind: string;
  readonly state: OperationState;
  readonly progress: {
    readonly done: number;
    readonly failed: number;
    readonly skipped: number;
    readonly total: number;
  } | null;
  /** Of a kind that has one: `items` with an outcome per file, counts per class. */
  readonly result: JsonObject | null;
  readonly error: UploadFailure | null;
  readonly subject: { readonly type: string; readonly id: string };
  readonly startedBy: AccountId;
  /** Null while an upload waits for its group. */
  readonly workflowId: string | null;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
  readonly finishedAt: Instant | null;
}
