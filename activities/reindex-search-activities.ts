import { Context } from '@temporalio/activity';
import type { AttributesCodec } from '#domain/attributes/attributes-codec.ts';
import type { FileId, OperationId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { CatalogueFile, FileCatalogue, FilePosition } from '#domain/ports/file-catalogue.ts';
import type { FileSearch, SearchIndex } from '#domain/ports/file-search.ts';
import type { OperationJournal } from '#domain/ports/operation-journal.ts';
import type { Outbox, OutboxPosition } from '#domain/ports/outbox.ts';
import type { UploadFailure } from '#domain/uploads.ts';
import { documentOf, type SearchTargetPorts } from './feed-targets.ts';

export interface ReindexSearchPorts {
  readonly catalogue: Pick<FileCatalogue, 'listFiles'>;
  readonly search: Pick<FileSearch, 'findFiles' | 'countFiles'>;
  readonly index: SearchIndex;
  readonly outbox: Pick<Outbox, 'readPosition' | 'readAfter'>;
  readonly codec: Pick<AttributesCodec, 'parseAttributes'>;
  readonly journal: Pick<OperationJournal, 'beginOperation' | 'recordProgress' | 'finishOperation'>;
  readonly onUnreadable: SearchTargetPorts['onUnreadable'];
  /** As the constants of the same names, unless a test says otherwise. */
  readonly pace?: { readonly batchFiles?: number; readonly turnMs?: number };
}

interface Filled {
  readonly after: FilePosition | null;
  readonly doneCount: number;
  readonly isWhole: boolean;
}

interface Filling {
  readonly operationId: OperationId;
  readonly indexName: string;
  readonly filled: Filled;
  readonly totalCount: number;
}

interface Reindex {
  readonly operationId: OperationId;
}

export type ReindexSearchActivities = ReturnType<typeof createReindexSearchActivities>;

const usualBatchFiles = 1_000;
const usualTurnMs = 600_000;
const heartbeatMs = 2_000;

/**
 * The steps of `reindexSearch`. Nobody else writes to the new index before it serves, and each
 * step reads the catalogue anew, so that each may be repeated from where it was.
 */
export function createReindexSearchActivities(ports: ReindexSearchPorts) {
  const { catalogue, search, index, outbox, journal } = ports;
  const { batchFiles = usualBatchFiles, turnMs = usualTurnMs } = ports.pace ?? {};

  /** @returns what it read of the files, for a comparison. */
  async function apply(fileIds: readonly FileId[], target?: string): Promise<string> {
    const files = await search.findFiles(fileIds, {});
    const documents = files.flatMap((file) => documentOf(ports, file));
    const indexed = new Set(documents.map((document) => document.file_id));
    const gone = fileIds.filter((fileId) => !indexed.has(fileId));
    await index.upsertDocuments(documents, target);
    await index.deleteDocuments(gone, target);
    return describeFiles(files);
  }

  /**
   * The follower writes to the same index. Should a file have changed since it was read here, the
   * follower may have been first with what is newer: then it is written once more.
   */
  async function applyBesideFollower(fileIds: readonly FileId[]): Promise<void> {
    for (;;) {
      const written = await apply(fileIds);
      if (written === describeFiles(await search.findFiles(fileIds, {}))) return;
    }
  }

  /** Hands over what happened after `from`, in order, until nothing more is there. */
  async function replayFeed(
    from: OutboxPosition | null,
    applyFiles: (fileIds: readonly FileId[]) => Promise<unknown>,
  ): Promise<OutboxPosition | null> {
    let position = from;
    for (;;) {
      const events = await outbox.readAfter(position, limits.outboxBatch);
      const last = events.at(-1);
      if (last === undefined) return position;
      const fileIds = [...new Set(events.flatMap((event) => event.fileIds))];
      for (let start = 0; start < fileIds.length; start += usualBatchFiles) {
        await applyFiles(fileIds.slice(start, start + usualBatchFiles));
        Context.current().cancellationSignal.throwIfAborted();
      }
      position = { transactionId: last.transactionId, sequence: last.sequence };
    }
  }

  return {
    /** @returns null when the operation was given up before its workflow came to it. */
    async beginReindex({ operationId }: Reindex): Promise<{
      readonly feedPosition: OutboxPosition | null;
      readonly totalCount: number;
    } | null> {
      if ((await journal.beginOperation(operationId)) === null) return null;
      // What was written before this position stands in the rows that are read from now on.
      const feedPosition = await outbox.readPosition('search');
      return { feedPosition, totalCount: await search.countFiles() };
    },

    createIndex: ({ operationId }: Reindex): Promise<string> =>
      whileBeating(null, () => index.createIndex(operationId)),

    /** One turn: from where the last one, or a killed attempt, has come to. */
    async fillIndex(filling: Filling): Promise<Filled> {
      const { operationId, indexName, totalCount } = filling;
      const context = Context.current();
      const turn = AbortSignal.timeout(turnMs);
      let filled = (context.info.heartbeatDetails as Filled | undefined) ?? filling.filled;
      return whileBeating(
        () => filled,
        async () => {
          // Wiped in the meantime: what was filled in is gone with it.
          if (!(await index.hasIndex(indexName))) {
            await index.createIndex(operationId);
            filled = { after: null, doneCount: 0, isWhole: false };
          }
          while (!filled.isWhole && !turn.aborted) {
            context.cancellationSignal.throwIfAborted();
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
            const progress = { done: doneCount, failed: 0, skipped: 0, total };
            await journal.recordProgress(operationId, progress);
          }
          return filled;
        },
      );
    },

    /** @returns where the feed stands now; null when the new index is gone: it must be filled again. */
    catchUp: ({
      indexName,
      feedPosition,
    }: {
      readonly indexName: string;
      readonly feedPosition: OutboxPosition | null;
    }): Promise<{ readonly feedPosition: OutboxPosition | null } | null> =>
      whileBeating(null, async () => {
        if (!(await index.hasIndex(indexName))) return null;
        const reached = await replayFeed(feedPosition, (fileIds) => apply(fileIds, indexName));
        return { feedPosition: reached };
      }),

    swapIndex: ({ indexName }: { readonly indexName: string }): Promise<void> =>
      whileBeating(null, () => index.swapIndex(indexName)),

    /** What the follower gave to the old index after `catchUp` had looked for the last time. */
    settle: ({ feedPosition }: { readonly feedPosition: OutboxPosition | null }): Promise<void> =>
      whileBeating(null, async () => {
        await replayFeed(feedPosition, applyBesideFollower);
      }),

    dropIndex: ({ indexName }: { readonly indexName: string }): Promise<void> =>
      whileBeating(null, () => index.dropIndex(indexName)),

    async finishReindex({
      operationId,
      failure,
      indexedCount,
    }: Reindex & {
      readonly failure: UploadFailure | null;
      readonly indexedCount: number;
    }): Promise<void> {
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

function describeFiles(files: readonly CatalogueFile[]): string {
  return files.map(({ fileId, sidecarDigest }) => `${fileId} ${sidecarDigest}`).join('\n');
}

/** The index may take its time; that this process is alive is said meanwhile. */
async function whileBeating<Result>(
  details: (() => unknown) | null,
  step: () => Promise<Result>,
): Promise<Result> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(details?.()), heartbeatMs);
  try {
    return await step();
  } finally {
    clearInterval(beat);
  }
}
