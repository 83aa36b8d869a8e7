import { DomainError } from '#domain/errors.ts';
import type { JsonObject } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import type { Operation } from '#domain/operations.ts';
import type { Verdict } from '#domain/reconcile/judge-location.ts';
import type { MergePosition } from '#domain/reconcile/merge-locations.ts';
import { modePermits, type StorageMode } from '#domain/storage-mode/storage-mode.ts';

/** How far the comparison of an element has come. */
export interface ReconcileRun {
  readonly position: MergePosition | null;
  /** Nothing is left to compare. */
  readonly isWhole: boolean;
  readonly counts: ReconcileCounts;
  /** Findings by code; a file may have several. */
  readonly findings: Readonly<Record<string, number>>;
}

/** Files, by what became of each. */
export interface ReconcileCounts {
  readonly sound: number;
  readonly young: number;
  readonly busy: number;
  readonly wrong: number;
}

/** How far the repair of what was found has come. */
export interface RepairRun {
  /** Key of the last finding that was looked at. */
  readonly after: string | null;
  readonly isWhole: boolean;
  readonly rowsAdded: number;
  readonly quarantined: number;
  /** Findings of these kinds that were not as reported any more, or in somebody's hands. */
  readonly left: number;
}

export const newRun: ReconcileRun = {
  position: null,
  isWhole: false,
  counts: { sound: 0, young: 0, busy: 0, wrong: 0 },
  findings: {},
};

export const newRepair: RepairRun = {
  after: null,
  isWhole: false,
  rowsAdded: 0,
  quarantined: 0,
  left: 0,
};

/** @returns the run with these files; the run that was given is not changed. */
export function addToRun(
  run: ReconcileRun,
  verdicts: readonly Verdict[],
  position: MergePosition | null,
): ReconcileRun {
  const counts = { ...run.counts };
  const findings = { ...run.findings };
  for (const verdict of verdicts) {
    counts[verdict.kind] += 1;
    if (verdict.kind !== 'wrong') continue;
    for (const { code } of verdict.findings) findings[code] = (findings[code] ?? 0) + 1;
  }
  return { position, isWhole: position === null, counts, findings };
}

function countFiles({ counts }: ReconcileRun): number {
  return counts.sound + counts.young + counts.busy + counts.wrong;
}

/** So much looks wrong that the fault is one of the mount, or of the code. */
export function hasTooManyFindings(run: ReconcileRun): boolean {
  const { wrong } = run.counts;
  return wrong > limits.reconcileWrongFiles && wrong > countFiles(run) * limits.reconcileWrongShare;
}

/** @param rowCount of the element when the run began */
export function progressOfRun(
  run: ReconcileRun,
  rowCount: number,
): NonNullable<Operation['progress']> {
  const { counts } = run;
  const files = countFiles(run);
  return {
    done: counts.sound,
    failed: counts.wrong,
    skipped: counts.young + counts.busy,
    total: run.isWhole ? files : Math.max(files, rowCount),
  };
}

/** @param end null where it did not come so far */
export function resultOfRun(
  run: ReconcileRun,
  end: { readonly repair: RepairRun | null; readonly listingDigest: string | null },
): JsonObject {
  const { repair, listingDigest } = end;
  return {
    files: countFiles(run),
    ...run.counts,
    findings: { ...run.findings },
    too_many_findings: hasTooManyFindings(run),
    repaired:
      repair === null
        ? null
        : {
            rows_added: repair.rowsAdded,
            contents_quarantined: repair.quarantined,
            left: repair.left,
          },
    listing_digest: listingDigest,
  };
}

/** Repairs are changes like any other. @throws DomainError `MODE_FORBIDS_OPERATION` */
export function requireRepairsPermitted(mode: StorageMode): void {
  if (modePermits(mode, 'create')) return;
  throw new DomainError(
    'MODE_FORBIDS_OPERATION',
    `An element in mode ${mode} is not repaired: reconcile it without "apply".`,
    { details: { mode, operation: 'reconcile' } },
  );
}
