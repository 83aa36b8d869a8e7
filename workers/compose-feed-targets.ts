import type { Logger } from 'pino';
import {
  createCacheTarget,
  createSearchTarget,
  type FeedTarget,
  type SearchTargetPorts,
} from '#activities/feed-targets.ts';
import type { AttributesCodec } from '#domain/attributes/attributes-codec.ts';
import type { FileCache } from '#domain/ports/file-cache.ts';
import type { FileSearch, SearchIndex } from '#domain/ports/file-search.ts';
import type { FeedConsumer } from '#domain/ports/outbox.ts';

export interface FeedTargetParts {
  readonly cache: FileCache | null;
  readonly index: SearchIndex | null;
  readonly search: FileSearch;
  readonly codec: AttributesCodec;
  readonly logger: Logger;
}

/** Who is served follows from what there is; what comes later starts with the oldest event kept. */
export function composeFeedTargets(
  parts: FeedTargetParts,
): Partial<Record<FeedConsumer, FeedTarget>> {
  const { cache, index, search, codec, logger } = parts;
  // It is followed also where there is no cache: who follows removes what is old.
  const always = { cache: createCacheTarget(cache) };
  if (index === null) return always;
  return {
    ...always,
    search: createSearchTarget({
      search,
      index,
      codec,
      onUnreadable: logUnreadable(logger),
    }),
  };
}

export function logUnreadable(logger: Logger): SearchTargetPorts['onUnreadable'] {
  return (fileId, error) => {
    logger.error({ err: error, file_id: fileId }, 'a file cannot be read for the search index');
  };
}
