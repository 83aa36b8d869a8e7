import { limits } from '#domain/limits.ts';
import type { ElementId, OperationId } from '#domain/ids.ts';
import { isUsableLocation } from '#domain/naming/storage-location.ts';
import { sidecarSuffix } from '#domain/naming/storage-name.ts';
import type { ElementRow, ElementRows } from '#domain/ports/element-rows.ts';
import type { ElementListing, InspectedFile, StorageLocation } from '#domain/ports/object-store.ts';
import type { OperationFailure, OperationFailures } from '#domain/ports/operation-failures.ts';
import {
  takeFirstLook,
  type LocationFinding,
  type Verdict,
} from '#domain/reconcile/judge-location.ts';
import {
  mergeLocations,
  type MergePosition,
  type SeenLocation,
} from '#domain/reconcile/merge-locations.ts';
import { addToRun, type ReconcileRun } from '#domain/reconcile/reconcile-run.ts';
import { lookTwice, type Looking } from './reconcile-look.ts';

export interface Comparison extends Looking {
  readonly operationId: OperationId;
  readonly element: ElementListing;
  readonly rows: ElementRows;
  readonly failures: Pick<OperationFailures, 'recordFailures'>;
  readonly sha256Hex: (bytes: Uint8Array) => string;
  readonly batchFiles: number;
  readonly pause: () => Promise<void>;
}

/** Above this a key does not fit into its index; the end of a path tells more than its beginning. */
const keyPathChars = 600;

/**
 * Compares what stands behind the run's position, batch by batch. Findings are written down under
 * fixed keys before the run moves: a batch that is repeated says the same again.
 */
export async function* compareBatches(
  comparison: Comparison,
  from: ReconcileRun,
): AsyncGenerator<ReconcileRun> {
  const { element, signal, batchFiles } = comparison;
  const { position } = from;
  const entries = element.walkEntries({ after: position?.at ?? null, signal });
  const rows = listRows(comparison, position);
  const batchBytes = limits.reconcileBatchBytes;
  const merging = mergeLocations(entries, rows, { position, batchFiles, batchBytes });
  let run = from;
  for await (const batch of readAhead(merging)) {
    signal.throwIfAborted();
    const verdicts = await judgeBatch(comparison, batch.locations);
    const found = batch.locations.flatMap((seen, index) =>
      failuresOf(comparison.elementId, seen, verdicts[index]),
    );
    await comparison.failures.recordFailures(comparison.operationId, found);
    run = addToRun(run, verdicts, batch.position);
    yield run;
  }
}

/** While one batch is judged the next is walked over. */
async function* readAhead<Item>(items: AsyncGenerator<Item>): AsyncGenerator<Item> {
  let reading = startReading(items);
  try {
    for (;;) {
      const item = await reading;
      if (item.done === true) return;
      reading = startReading(items);
      yield item.value;
    }
  } finally {
    // Nothing goes on behind the back of what follows.
    await Promise.allSettled([reading]);
    await items.return(undefined);
  }
}

/** Looked at when it is needed; until then it must not count as unhandled. */
function startReading<Item>(items: AsyncGenerator<Item>): Promise<IteratorResult<Item>> {
  const reading = items.next();
  reading.catch(() => undefined);
  return reading;
}

async function* listRows(
  { rows, elementId, batchFiles, signal }: Comparison,
  position: MergePosition | null,
): AsyncGenerator<ElementRow> {
  let after: StorageLocation | null =
    position === null
      ? null
      : { storagePath: position.at.storagePath, storageFilename: position.at.name };
  for (;;) {
    signal.throwIfAborted();
    const page: readonly ElementRow[] = await rows.listRows(elementId, {
      after,
      limit: batchFiles,
    });
    yield* page;
    if (page.length < batchFiles) return;
    after = page.at(-1) ?? after;
  }
}

/** One verdict for each location, in their order. */
async function judgeBatch(
  comparison: Comparison,
  locations: readonly SeenLocation[],
): Promise<readonly Verdict[]> {
  const { element, signal } = comparison;
  const visible = locations.filter((seen) => !seen.isUnnameable && isUsableLocation(seen));
  const inspected = await element.inspectFiles(visible, { signal });
  const files = new Map(visible.map((seen, index) => [seen, inspected[index]]));
  const verdicts = new Map<SeenLocation, Verdict>();
  const doubtful: SeenLocation[] = [];
  for (const seen of locations) {
    const look = firstLook(comparison, seen, files.get(seen));
    if (look === 'doubtful') doubtful.push(seen);
    else verdicts.set(seen, { kind: look });
  }
  const judged = await lookTwice(comparison, doubtful, comparison.pause);
  for (const [index, seen] of doubtful.entries()) {
    const verdict = judged[index];
    if (verdict !== undefined) verdicts.set(seen, verdict);
  }
  return locations.map((seen) => verdicts.get(seen) ?? { kind: 'busy' });
}

function firstLook(
  { mode, orphanedBeforeMs, sha256Hex }: Comparison,
  seen: SeenLocation,
  file: InspectedFile | undefined,
): ReturnType<typeof takeFirstLook> {
  if (file === undefined) return 'doubtful';
  const { sidecar, content } = file;
  return takeFirstLook({
    seen,
    mode,
    sidecarDigest: sidecar.kind === 'bytes' ? sha256Hex(sidecar.bytes) : null,
    isSidecarAbsent: sidecar.kind === 'absent',
    content,
    orphanedBeforeMs,
  });
}

function failuresOf(
  elementId: ElementId,
  seen: SeenLocation,
  verdict: Verdict | undefined,
): readonly OperationFailure[] {
  if (verdict?.kind !== 'wrong') return [];
  const { fileId, findings } = verdict;
  return findings.map((finding) => ({ ...failureOf(seen, finding), fileId, elementId }));
}

/** A file may have several findings. */
function failureOf(
  { storagePath, storageFilename }: SeenLocation,
  { code, detail, place }: LocationFinding,
): Omit<OperationFailure, 'fileId' | 'elementId'> {
  const path = storagePath + storageFilename + (place === 'sidecar' ? sidecarSuffix : '');
  return { key: `${code} ${path.slice(-keyPathChars)}`, path, code, detail };
}
