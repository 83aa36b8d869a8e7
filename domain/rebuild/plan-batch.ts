import type { FileId } from '#domain/ids.ts';
import {
  chooseFile,
  isSamePlace,
  type Decision,
  type FilePlace,
  type FoundFile,
  type Standing,
} from '#domain/rebuild/choose-file.ts';

export interface Outcome<Found extends FoundFile> {
  readonly found: Found;
  readonly decision: Decision;
}

export interface PlannedRow<Found extends FoundFile> {
  readonly found: Found;
  /** Of the row that it takes the place of; null: there is none. */
  readonly expectedDigest: string | null;
}

export interface BatchPlan<Found extends FoundFile> {
  /** One for each sidecar, in the same order. */
  readonly outcomes: readonly Outcome<Found>[];
  /** At most one for each file. */
  readonly rows: readonly PlannedRow<Found>[];
  /** Places of rows that were the file until now. */
  readonly outranked: readonly FilePlace[];
}

const unknown: Standing = { row: null, hold: null };

/** Two of a batch may carry the same id: what was decided for the first stands for the second. */
export function planBatch<Found extends FoundFile>(
  batch: readonly Found[],
  standings: ReadonlyMap<FileId, Standing>,
): BatchPlan<Found> {
  const decisions: Decision[] = [];
  const planned = new Map<FileId, number>();
  const outranked: FilePlace[] = [];
  for (const [index, found] of batch.entries()) {
    const standing = standings.get(found.fileId) ?? unknown;
    const earlier = planned.get(found.fileId);
    const before = earlier === undefined ? undefined : batch[earlier];
    const decision = chooseFile(
      found,
      before === undefined ? standing : { row: before, hold: null },
    );
    if (earlier === undefined) {
      decisions.push(decision);
      const { row } = standing;
      if (decision === 'take-over' && row !== null) {
        outranked.push(row);
        const own = batch.findIndex(
          (other) => other.fileId === row.fileId && isSamePlace(other, row),
        );
        if (own !== -1 && own < index) decisions[own] = 'duplicate';
      }
    } else if (decision === 'take-over') {
      decisions[earlier] = 'duplicate';
      decisions.push(decisionInstead(found, standing));
    } else {
      decisions.push(decision);
    }
    if (isWritten(decision)) planned.set(found.fileId, index);
  }
  return {
    outcomes: batch.map((found, index) => ({ found, decision: decisions[index] ?? 'add' })),
    rows: [...planned].flatMap(([fileId, index]) => {
      const found = batch[index];
      const expectedDigest = standings.get(fileId)?.row?.sidecarDigest ?? null;
      return found === undefined ? [] : [{ found, expectedDigest }];
    }),
    outranked,
  };
}

/** It outranks what outranked the row, and so the row. */
function decisionInstead(found: FoundFile, { row }: Standing): Decision {
  if (row === null) return 'add';
  return isSamePlace(found, row) ? 'replace' : 'take-over';
}

function isWritten(decision: Decision): boolean {
  return decision === 'add' || decision === 'replace' || decision === 'take-over';
}
