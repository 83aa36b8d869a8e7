import type { ElementId, FileId } from '#domain/ids.ts';
import type { MigrationRun } from '#domain/migrations/migration-run.ts';
import {
  createIdHistogram,
  firstFileId,
  idAfter,
  planShards,
  type IdHistogram,
} from '#domain/migrations/plan-shards.ts';
import type { CreatedPosition, MigrationRuns } from '#domain/ports/migration-runs.ts';
import { modePermits } from '#domain/storage-mode/storage-mode.ts';

/** Candidates that one statement counts, so that shards can be cut between them. */
const stretchFiles = 500;
/** What is only counted is counted in larger steps. */
const pageFiles = 10_000;

type PlanningRuns = Pick<
  MigrationRuns,
  'listElements' | 'countStretch' | 'countOthers' | 'recordPlan'
>;

/** Goes over everything that the run could touch, in steps that do not grow with it. */
export async function planRun(
  runs: PlanningRuns,
  run: MigrationRun,
  signal: AbortSignal,
): Promise<void> {
  const elements = await runs.listElements(run);
  const histograms = new Map<ElementId, IdHistogram>(
    elements.map(({ elementId }) => [elementId, createIdHistogram()]),
  );
  const ofElements = run.source === 'catalogue' ? elements.map((one) => one.elementId) : [null];
  let otherVersion = 0;
  for (const elementId of ofElements) {
    otherVersion += await countStretches(runs, run, { elementId, histograms, signal });
    if (elementId !== null) otherVersion += await countOthers(runs, run, { elementId, signal });
  }
  const rewritable = elements.filter(({ mode }) => modePermits(mode, 'update-attributes'));
  const planned = rewritable.flatMap(({ elementId }) => {
    const histogram = histograms.get(elementId);
    return histogram === undefined ? [] : [{ elementId, histogram }];
  });
  const frozen = [...histograms.values()].reduce((sum, { count }) => sum + count, 0);
  const toDo = planned.reduce((sum, { histogram }) => sum + histogram.count, 0);
  await runs.recordPlan(run.operationId, {
    skipped: { otherVersion, frozen: frozen - toDo },
    shards: planShards(planned, run.request.batchSize),
  });
}

/** @returns how many of the named files are selected but need nothing */
async function countStretches(
  runs: PlanningRuns,
  run: MigrationRun,
  part: {
    readonly elementId: ElementId | null;
    readonly histograms: ReadonlyMap<ElementId, IdHistogram>;
    readonly signal: AbortSignal;
  },
): Promise<number> {
  let others = 0;
  let fromId: FileId | null = firstFileId;
  while (fromId !== null) {
    part.signal.throwIfAborted();
    const { elementId } = part;
    const { lastId, counts } = await runs.countStretch(run, {
      elementId,
      fromId,
      limit: stretchFiles,
    });
    if (lastId === null) break;
    for (const count of counts) {
      part.histograms.get(count.elementId)?.add({ lastId, count: count.wanted });
      // Of a run over the catalogue they are counted with everything else.
      if (elementId === null) others += count.others;
    }
    fromId = idAfter(lastId);
  }
  return others;
}

async function countOthers(
  runs: PlanningRuns,
  run: MigrationRun,
  { elementId, signal }: { readonly elementId: ElementId; readonly signal: AbortSignal },
): Promise<number> {
  let count = 0;
  let after: CreatedPosition | null = null;
  do {
    signal.throwIfAborted();
    const page = { elementId, after, limit: pageFiles };
    const counted: Awaited<ReturnType<MigrationRuns['countOthers']>> = await runs.countOthers(
      run,
      page,
    );
    count += counted.others;
    after = counted.next;
  } while (after !== null);
  return count;
}
