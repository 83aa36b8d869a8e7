import { Context } from '@temporalio/activity';
import type { OperationId } from '#domain/ids.ts';
import type { FileCatalogue, FilePosition } from '#domain/ports/file-catalogue.ts';
import type { FileSearch, SearchIndex } from '#domain/ports/file-search.ts';
import type { OperationJournal } from '#domain/ports/operation-journal.ts';
import type { Outbox, OutboxPosition } from '#domain/ports/outbox.ts';
import type { UploadFailure } from '#domain/uploads.ts';
import { documentOf } from './feed-targets.ts';
import { createIndexReplay, type IndexReplayPorts } from './index-replay.ts';
import { whileBeating } from './while-beating.ts';

export interface ReindexSearchPorts extends IndexReplayPorts {
  readonly catalogue: Pick<FileCatalogue, 'listFiles'>;
  readonly search: Pick<FileSearch, 'findFiles' | 'countFiles'>;
  readonly index: SearchIndex;
  readonly outbox: Pick<Outbox, 'readPosition' | 'readAfter'>;
  readonly journal: Pick<OperationJournal, 'beginOperation' | 'recordProgress' | 'finishOperation'>;
  /** As the constants of the same names, unless a test says otherwise. */
  readonly pace?: { readonly batchFiles?: number; readonly turnMs?: number };
}

interface Reindex {
  readonly operationId: OperationId;
}

interface Index {
  readonly indexName: string;
}

interface Feed {
  readonly feedPosition: OutboxPosition | null;
}

interface Filled {
  readonly after: FilePosition | null;
  readonly doneCount: number;
  readonly isWhole: boolean;
}

interface Filling extends Reindex, Index {
  readonly filled: Filled;
  readonly totalCount: number;
}

export type ReindexSearchActivities = ReturnType<typeof createReindexSearchActivities>;

const usualBatchFiles = 1_000;
const usualTurnMs = 600_000;

/**
 * The steps of `reindexSearch`. Nobody else writes to the new index before it serves, and each
 * step reads the catalogue anew, so that each may be repeated from where it was.
 */
export function createReindexSearchActivities(ports: ReindexSearchPorts) {
  const { search, index, outbox, journal } = ports;
  const { replayInto, replayBesideFollower } = createIndexReplay(ports);
  return {
    /** @returns null when the operation was given up before its workflow came to it. */
    async beginReindex({
      operationId,
    }: Reindex): Promise<(Index & Feed & { readonly totalCount: number }) | null> {
      if ((await journal.beginOperation(operationId)) === null) return null;
      // What was written before this position stands in the rows that are read from now on.
      const feedPosition = await outbox.readPosition('search');
      const indexName = index.nameIndex(operationId);
      return { indexName, feedPosition, totalCount: await search.countFiles() };
    },

    createIndex: ({ indexName }: Index): Promise<void> =>
      whileBeating(null, () => index.createIndex(indexName)),

    /** One turn: from where the last one, or a killed attempt, has come to. */
    fillIndex: (filling: Filling): Promise<Filled> => fillIndex(ports, filling),

    /** @returns where the feed stands; null when the new index is gone: it must be filled again. */
    catchUp: ({ indexName, feedPosition }: Index & Feed): Promise<Feed | null> =>
      whileBeating(null, async () => {
        if (!(await index.hasIndex(indexName))) return null;
        return { feedPosition: await replayInto(indexName, feedPosition) };
      }),

    swapIndex: ({ indexName }: Index): Promise<void> =>
      whileBeating(null, () => index.swapIndex(indexName)),

    /** What the follower gave to the old index after `catchUp` had looked for the last time. */
    settle: ({ feedPosition }: Feed): Promise<void> =>
      whileBeating(null, async () => {
        await replayBesideFollower(feedPosition);
      }),

    dropIndex: ({ indexName }: Index): Promise<void> =>
      whileBeating(null, () => index.dropIndex(indexName)),

    async finishReindex(
      ending: Reindex & { readonly failure: UploadFailure | null; readonly indexedCount: number },
    ): Promise<void> {
      const { operationId, failure, indexedCount } = ending;
      const isCancelled = failure?.code === 'OPERATION_CANCELLED';
      await journal.finishOperation(
        operationId,
        ['pending', 'running'],
        failure === null
          ? { state: 'completed', result: { indexed: indexedCount } }
          : { state: isCancelled ? 'cancelled' : 'failed', failure },
      );
    },
  };
}

async function fillIndex(ports: ReindexSearchPorts, filling: Filling): Promise<Filled> {
  const { catalogue, index, journal } = ports;
  const { operationId, indexName, totalCount } = filling;
  const { batchFiles = usualBatchFiles, turnMs = usualTurnMs } = ports.pace ?? {};
  const context = Context.current();
  const turn = AbortSignal.timeout(turnMs);
  let filled = (context.info.heartbeatDetails as Filled | undefined) ?? filling.filled;

  async function fillBatch(): Promise<void> {
    const page = await catalogue.listFiles({
      filters: {},
      sort: 'created_at',
      order: 'asc',
      limit: batchFiles,
      after: filled.after,
      includeTotal: false,
    });
    const documents = page.files.flatMap((file) => documentOf(ports, file));
    await index.upsertDocuments(documents, indexName);
    const doneCount = filled.doneCount + page.files.length;
    filled = { after: page.next, doneCount, isWhole: page.next === null };
    context.heartbeat(filled);
    const total = Math.max(totalCount, doneCount);
    await journal.recordProgress(operationId, { done: doneCount, failed: 0, skipped: 0, total });
  }

  return whileBeating(
    () => filled,
    async () => {
      // Wiped in the meantime: what was filled in is gone with it.
      if (!(await index.hasIndex(indexName))) {
        await index.createIndex(indexName);
        filled = { after: null, doneCount: 0, isWhole: false };
      }
      while (!filled.isWhole) {
        context.cancellationSignal.throwIfAborted();
        await fillBatch();
        if (turn.aborted) break;
      }
      return filled;
    },
  );
}
