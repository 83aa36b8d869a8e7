import type { FileId, OperationId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import { isUsableLocation } from '#domain/naming/storage-location.ts';
import { sidecarSuffix } from '#domain/naming/storage-name.ts';
import type {
  ElementListing,
  ElementPosition,
  StorageLocation,
} from '#domain/ports/object-store.ts';
import type { Standing } from '#domain/rebuild/choose-file.ts';
import { planBatch, type BatchPlan } from '#domain/rebuild/plan-batch.ts';
import { createTally, type RebuildRun } from '#domain/rebuild/rebuild-run.ts';
import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';
import {
  isRefusal,
  readFile,
  reportOddEntry,
  reportPlan,
  reportRefusal,
  rowToWrite,
  standingOf,
  unusable,
  type ReadFile,
  type Refusal,
  type Report,
} from './rebuild-batch.ts';
import type { RebuildCataloguePorts } from './rebuild-catalogue-activities.ts';

const usualTurnMs = 20_000;
/** Also what holds hardly a sidecar is passed in portions, of so many names. */
const batchEntries = 20_000;
/** However often a row changes in between: after so many looks what was seen last is reported. */
const looksAtChanged = 3;

interface Turn extends RebuildCataloguePorts {
  readonly element: ElementListing;
  readonly mode: StorageMode;
  readonly operationId: OperationId;
  readonly signal: AbortSignal;
}

/** What the walk gave out between two positions, nothing of it read yet. */
interface Gathered {
  readonly sidecars: readonly StorageLocation[];
  readonly oddPaths: readonly string[];
  readonly refused: readonly StorageLocation[];
  readonly position: ElementPosition;
}

/** The same, read. */
interface ReadBatch {
  readonly gathered: Gathered;
  readonly files: readonly (ReadFile | Refusal)[];
}

/**
 * Takes what stands on the element behind the run's position, batch by batch, until the turn is
 * over. While one batch is written the next is read. @returns true when nothing is left.
 */
export async function rebuildTurn(
  ports: RebuildCataloguePorts,
  operationId: OperationId,
  signal: AbortSignal,
): Promise<boolean> {
  const { rebuild, elementId } = ports;
  const [run, mode, element] = await Promise.all([
    rebuild.findRun(operationId),
    rebuild.findMode(elementId),
    ports.elements.openElement(elementId),
  ]);
  // It has ended; whoever waits for its end learns that from its row.
  if (run === null) return true;
  const turn: Turn = { ...ports, element, mode, operationId, signal };
  const turnEnd = AbortSignal.timeout(ports.pace?.turnMs ?? usualTurnMs);
  let writing: Promise<RebuildRun | null> = Promise.resolve(run);
  try {
    for await (const gathered of gatherSidecars(turn, run.position)) {
      const batch: ReadBatch = { gathered, files: await readFiles(turn, gathered.sidecars) };
      const from = await writing;
      if (from === null) return false;
      // Between batches a cancel is heard: what is written then is whole.
      signal.throwIfAborted();
      writing = writeBatch(turn, from, batch);
      // Looked at by the next batch; until then it must not count as unhandled.
      writing.catch(() => undefined);
      if (!turnEnd.aborted) continue;
      await writing;
      return false;
    }
    return (await writing) !== null;
  } finally {
    // Nothing of this turn goes on behind the back of what follows it.
    await writing.catch(() => undefined);
  }
}

async function* gatherSidecars(
  { element, signal, pace }: Turn,
  after: ElementPosition | null,
): AsyncGenerator<Gathered> {
  const batchFiles = pace?.batchFiles ?? limits.rebuildBatchFiles;
  let sidecars: StorageLocation[] = [];
  let oddPaths: string[] = [];
  let refused: StorageLocation[] = [];
  let position: ElementPosition | null = null;
  let bytes = 0;
  let entries = 0;
  for await (const entry of element.walkEntries({ after, signal })) {
    const { storagePath, name } = entry;
    if (!entry.isFile) oddPaths.push(storagePath + name);
    else if (name.endsWith(sidecarSuffix)) {
      const storageFilename = name.slice(0, -sidecarSuffix.length);
      const location = { storagePath, storageFilename };
      if (isUsableLocation(location)) sidecars.push(location);
      else refused.push(location);
      bytes += Math.min(entry.sizeBytes, limits.sidecarReadCapBytes);
    }
    position = { storagePath, name };
    const count = sidecars.length + oddPaths.length + refused.length;
    entries += 1;
    const isFull =
      count >= batchFiles || bytes >= limits.rebuildBatchBytes || entries >= batchEntries;
    if (!isFull) continue;
    yield { sidecars, oddPaths, refused, position };
    sidecars = [];
    oddPaths = [];
    refused = [];
    position = null;
    bytes = 0;
    entries = 0;
  }
  if (position !== null) yield { sidecars, oddPaths, refused, position };
}

async function readFiles(
  turn: Turn,
  locations: readonly StorageLocation[],
): Promise<readonly (ReadFile | Refusal)[]> {
  const inspected = await turn.element.inspectFiles(locations, { signal: turn.signal });
  return locations.flatMap((location, index) => {
    const file = inspected[index];
    const read = file === undefined ? null : readFile(turn, location, file);
    return read === null ? [] : [read];
  });
}

/** @returns where the run stands then; null when somebody else is at it, or it has ended. */
async function writeBatch(
  turn: Turn,
  from: RebuildRun,
  { gathered, files }: ReadBatch,
): Promise<RebuildRun | null> {
  const { rebuild, failures, elementId, operationId, codec } = turn;
  let current = files;
  for (;;) {
    const planned = await decide(turn, current);
    current = planned.files;
    const report: Report = { elementId, tally: createTally(), failures: [] };
    for (const path of gathered.oddPaths) reportOddEntry(report, path);
    for (const location of gathered.refused) reportRefusal(report, unusable(location));
    for (const refusal of current.filter(isRefusal)) reportRefusal(report, refusal);
    reportPlan(report, planned.plan, gathered.position);
    // First, and under fixed keys: a batch that is repeated says the same again.
    await failures.recordFailures(operationId, report.failures);
    const to = report.tally.addTo(from, gathered.position);
    const rows = planned.plan.rows.map((row) => rowToWrite(row, codec));
    const outcome = await rebuild.applyBatch({ operationId, elementId, rows, from, to });
    if (outcome === 'applied') return to;
    if (outcome === 'run-changed') return null;
    turn.signal.throwIfAborted();
  }
}

interface Decided {
  readonly files: readonly (ReadFile | Refusal)[];
  readonly plan: BatchPlan<ReadFile>;
}

/**
 * The catalogue is asked after the sidecars were read: whoever changed one in between has its row
 * changed, claimed or deleted by then. What then looks changed behind our back is read again.
 */
async function decide(turn: Turn, files: Decided['files']): Promise<Decided> {
  let current = files;
  for (let looks = 1; ; looks += 1) {
    const plan = await planFiles(turn, current);
    const doubtful = plan.outcomes.filter(({ decision }) => decision === 'changed');
    if (doubtful.length === 0 || looks === looksAtChanged) return { files: current, plan };
    const again = await readFiles(
      turn,
      doubtful.map(({ found }) => found),
    );
    const doubted = new Set<ReadFile | Refusal>(doubtful.map(({ found }) => found));
    const isSame =
      again.length === doubtful.length && again.every((read) => isKnown(read, doubted));
    if (isSame) return { files: current, plan };
    current = [...current.filter((file) => !doubted.has(file)), ...again];
  }
}

function isKnown(read: ReadFile | Refusal, known: ReadonlySet<ReadFile | Refusal>): boolean {
  if (isRefusal(read)) return false;
  const { fileId, sidecarDigest } = read;
  return [...known].some(
    (file) => !isRefusal(file) && file.fileId === fileId && file.sidecarDigest === sidecarDigest,
  );
}

async function planFiles(
  { rebuild, elementId, codec }: Turn,
  files: Decided['files'],
): Promise<BatchPlan<ReadFile>> {
  const readable = files.filter((file): file is ReadFile => !isRefusal(file));
  const standings = await rebuild.findStandings(elementId, readable);
  const byId = new Map<FileId, Standing>();
  for (const standing of standings) {
    // Two of a batch with one id ask twice: the answer with attributes knows more.
    if (byId.has(standing.fileId) && (standing.row?.attributes ?? null) === null) continue;
    byId.set(standing.fileId, standingOf(standing, codec));
  }
  return planBatch(readable, byId);
}
