import type { AttributesCodec } from '#domain/attributes/attributes-codec.ts';
import type { ErrorCode } from '#domain/errors.ts';
import type { FileId, OperationId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import { sidecarSuffix } from '#domain/naming/storage-name.ts';
import type { ElementRows } from '#domain/ports/element-rows.ts';
import type { ElementWriter, StorageLocation } from '#domain/ports/object-store.ts';
import type { OperationFailure, OperationFailures } from '#domain/ports/operation-failures.ts';
import type { Standing } from '#domain/rebuild/choose-file.ts';
import { planBatch } from '#domain/rebuild/plan-batch.ts';
import type { SeenLocation } from '#domain/reconcile/merge-locations.ts';
import type { RepairRun } from '#domain/reconcile/reconcile-run.ts';
import type { ReadFile } from './rebuild-batch.ts';
import { rowToWrite } from './rebuild-batch.ts';
import { lookClosely, type LookedAt, type Looking } from './reconcile-look.ts';

export interface Repair extends Looking {
  readonly operationId: OperationId;
  readonly startedAt: Instant;
  readonly writer: Pick<ElementWriter, 'quarantineContent'>;
  readonly rows: ElementRows;
  readonly failures: Pick<OperationFailures, 'recordFailures' | 'listFailures'>;
  readonly codec: Pick<AttributesCodec, 'parseSidecar' | 'parseAttributes' | 'encodeForCatalogue'>;
  readonly batchFiles: number;
  /** @throws when this process has lost the right to change the element, or its mode forbids it. */
  readonly requirePermission: () => Promise<void>;
}

interface Suspect {
  readonly finding: OperationFailure;
  readonly looked: LookedAt;
}

/**
 * One batch of what was found. Each is looked at once more, and repaired if it is still so. What
 * an earlier attempt has repaired counts as repaired: the element and the rows tell.
 */
export async function repairBatch(repair: Repair, run: RepairRun): Promise<RepairRun> {
  const { operationId, failures, batchFiles } = repair;
  const page = await failures.listFailures(operationId, { limit: batchFiles, after: run.after });
  const orphans = await lookAt(repair, page.failures, 'CONTENT_ORPHANED');
  const unknown = await lookAt(repair, page.failures, 'ROW_MISSING');
  await repair.requirePermission();
  const quarantined = await setAside(repair, orphans);
  const added = await addRows(repair, unknown);
  await failures.recordFailures(operationId, [
    ...quarantined.map((finding) => ({ ...finding, detail: 'The content is in quarantine now.' })),
    ...added.map((finding) => ({ ...finding, detail: 'The catalogue has its row now.' })),
  ]);
  const repaired = quarantined.length + added.length;
  return {
    after: page.next,
    isWhole: page.next === null,
    quarantined: run.quarantined + quarantined.length,
    rowsAdded: run.rowsAdded + added.length,
    left: run.left + orphans.length + unknown.length - repaired,
  };
}

async function lookAt(
  repair: Repair,
  findings: readonly OperationFailure[],
  code: ErrorCode,
): Promise<readonly Suspect[]> {
  const suspects = findings.filter((finding) => finding.code === code);
  if (suspects.length === 0) return [];
  const looked = await lookClosely(repair, suspects.map(locationOf));
  return suspects.flatMap((finding, index) => {
    const answer = looked[index];
    return answer === undefined ? [] : [{ finding, looked: answer }];
  });
}

function locationOf({ path }: OperationFailure): SeenLocation {
  const shown = path ?? '';
  const content = shown.endsWith(sidecarSuffix) ? shown.slice(0, -sidecarSuffix.length) : shown;
  const nameStart = content.lastIndexOf('/') + 1;
  const location: StorageLocation = {
    storagePath: content.slice(0, nameStart),
    storageFilename: content.slice(nameStart),
  };
  // It was old enough when it was found; whoever moves it looks at its time again.
  const contentModifiedAtMs = Number.NEGATIVE_INFINITY;
  return {
    ...location,
    contentModifiedAtMs,
    sidecarSizeBytes: 0,
    isUnnameable: false,
    row: null,
  };
}

async function setAside(
  repair: Repair,
  suspects: readonly Suspect[],
): Promise<readonly OperationFailure[]> {
  const { writer, operationId, startedAt, orphanedBeforeMs, signal } = repair;
  const done: OperationFailure[] = [];
  for (const { finding, looked } of suspects) {
    if (!isStillOrphaned(looked) && !isGone(looked)) continue;
    signal.throwIfAborted();
    await repair.requirePermission();
    const outcome = await writer.quarantineContent({
      storagePath: looked.seen.storagePath,
      storageFilename: looked.seen.storageFilename,
      operationId,
      code: finding.code,
      decidedAt: startedAt,
      changedBeforeMs: orphanedBeforeMs,
    });
    if (outcome.ok) done.push(finding);
  }
  return done;
}

function isStillOrphaned({ verdict }: LookedAt): boolean {
  return finds(verdict, 'CONTENT_ORPHANED');
}

/** Perhaps set aside by an earlier attempt, which then must become durable. */
function isGone({ verdict, row, file }: LookedAt): boolean {
  return verdict.kind === 'sound' && row === null && file === null;
}

function finds(verdict: LookedAt['verdict'], code: ErrorCode): boolean {
  return verdict.kind === 'wrong' && verdict.findings.some((finding) => finding.code === code);
}

async function addRows(
  repair: Repair,
  suspects: readonly Suspect[],
): Promise<readonly OperationFailure[]> {
  const files: ReadFile[] = [];
  const standings = new Map<FileId, Standing>();
  for (const { looked } of suspects) {
    if (looked.file === null || !finds(looked.verdict, 'ROW_MISSING')) continue;
    files.push(looked.file);
    standings.set(looked.file.fileId, looked.standing);
  }
  // Of two sidecars with one id the same one becomes the file as in a rebuild.
  const planned = planBatch(files, standings).rows.filter((row) => row.expectedDigest === null);
  const rows = planned.map((row) => rowToWrite(row, repair.codec));
  const addedIds = await repair.rows.addRows(repair.operationId, repair.elementId, rows);
  const added = new Set(planned.map(({ found }) => found).filter((f) => addedIds.has(f.fileId)));
  return suspects
    .filter(({ looked }) => isKnown(looked) || (looked.file !== null && added.has(looked.file)))
    .map(({ finding }) => finding);
}

/** By an earlier attempt, or by whoever else came. */
function isKnown({ row, file }: LookedAt): boolean {
  return row !== null && file !== null && row.sidecarDigest === file.sidecarDigest;
}
