import { Context } from '@temporalio/activity';
import type { AttributesCodec } from '#domain/attributes/attributes-codec.ts';
import type { FileId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { CatalogueFile } from '#domain/ports/file-catalogue.ts';
import type { FileSearch, SearchIndex } from '#domain/ports/file-search.ts';
import type { Outbox, OutboxPosition } from '#domain/ports/outbox.ts';
import { documentOf, type SearchTargetPorts } from './feed-targets.ts';

export interface IndexReplayPorts {
  readonly search: Pick<FileSearch, 'findFiles'>;
  readonly index: Pick<SearchIndex, 'upsertDocuments' | 'deleteDocuments'>;
  readonly outbox: Pick<Outbox, 'readAfter'>;
  readonly codec: Pick<AttributesCodec, 'parseAttributes'>;
  readonly onUnreadable: SearchTargetPorts['onUnreadable'];
}

/** Files that are handed over at once; an event of a bulk run has many. */
const chunkFiles = 1_000;

/** What happened to files, once more, for an index that was not told of it. */
export function createIndexReplay(ports: IndexReplayPorts) {
  const { search, index, outbox } = ports;

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

  /** In order, from `from` until nothing more is there. @returns how far it came. */
  async function replay(
    from: OutboxPosition | null,
    applyFiles: (fileIds: readonly FileId[]) => Promise<unknown>,
  ): Promise<OutboxPosition | null> {
    let position = from;
    for (;;) {
      const events = await outbox.readAfter(position, limits.outboxBatch);
      const last = events.at(-1);
      if (last === undefined) return position;
      const fileIds = [...new Set(events.flatMap((event) => event.fileIds))];
      for (let start = 0; start < fileIds.length; start += chunkFiles) {
        await applyFiles(fileIds.slice(start, start + chunkFiles));
        Context.current().cancellationSignal.throwIfAborted();
      }
      position = { transactionId: last.transactionId, sequence: last.sequence };
    }
  }

  return {
    /** To an index that nobody else writes to. */
    replayInto: (target: string, from: OutboxPosition | null) =>
      replay(from, (fileIds) => apply(fileIds, target)),
    /** To the serving index, beside its follower. */
    replayBesideFollower: (from: OutboxPosition | null) => replay(from, applyBesideFollower),
  };
}

function describeFiles(files: readonly CatalogueFile[]): string {
  return files.map(({ fileId, sidecarDigest }) => `${fileId} ${sidecarDigest}`).join('\n');
}
