import { randomUUID } from 'node:crypto';
import { Redis, type Cluster } from 'ioredis';
import type { FileId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { ComponentHealth } from '#domain/ports/component-health.ts';
import type { CacheAnswer, CachedFile, FileCache } from '#domain/ports/file-cache.ts';
import type { CatalogueFile } from '#domain/ports/file-catalogue.ts';
import { createCacheBreaker, type CacheBreaker } from './cache-breaker.ts';
import { cacheScripts, epochKey, fileKeys } from './cache-scripts.ts';

/** Invalidations sent at once: each is a command of its own, as a cluster wants it. */
const chunkFiles = 200;
const reconnectMs = 200;

/** What a server answers with, of one or of many nodes. */
type Client = (Redis | Cluster) & {
  artstoreReadFile(entry: string): Promise<[epoch: string, file: string, timeUs: string]>;
  artstoreWriteFile(...keysAndValues: (string | number)[]): Promise<number>;
  artstoreInvalidateFile(entry: string, floor: string, floorSeconds: number): Promise<number>;
};

const nothing: CacheAnswer = { file: null, ticket: null };

export interface RedisFileCacheOptions {
  /** Shown in the server's list of clients. */
  readonly applicationName: string;
}

/** Connects by itself, whenever the server is there; until then it answers that it has nothing. */
export function openRedisFileCache(
  url: string,
  { applicationName }: RedisFileCacheOptions,
): RedisFileCache {
  const redis = new Redis(url, {
    connectionName: applicationName,
    // A command is sent now or never: a late one could do harm, and nobody waits for it.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    connectTimeout: 3_000,
    retryStrategy: () => reconnectMs,
  });
  // Each outage shows in the commands that fail.
  redis.on('error', () => undefined);
  return new RedisFileCache(redis, () => redis.disconnect(true));
}

/** Works with a client of one server and of a cluster. Takes the client over: it is closed with it. */
export class RedisFileCache implements FileCache, AsyncDisposable {
  readonly #client: Client;
  readonly #breaker: CacheBreaker;
  #isClosing = false;

  constructor(redis: Redis | Cluster, reconnect: () => void) {
    for (const [name, script] of Object.entries(cacheScripts)) redis.defineCommand(name, script);
    this.#client = redis as Client;
    this.#breaker = createCacheBreaker({
      timeoutMs: limits.cacheTimeoutMs,
      renew: async () => void (await redis.set(epochKey, randomUUID())),
      probe: () => this.#keepEpoch(),
      reconnect: () => {
        if (!this.#isClosing) reconnect();
      },
    });
  }

  async readFile(fileId: FileId): Promise<CacheAnswer> {
    const { entry } = fileKeys(fileId);
    const answer = await this.#breaker.run(() =>
      Promise.all([this.#client.get(epochKey), this.#client.artstoreReadFile(entry)]),
    );
    if (answer === null) return nothing;
    const [epoch, [heldEpoch, text, timeUs]] = answer;
    // Gone with a flush: the next look of the breaker makes another one.
    if (epoch === null) return nothing;
    const file = heldEpoch === epoch ? parseFile(text, fileId) : null;
    return { file, ticket: { epoch, issuedAtUs: Number(timeUs) } };
  }

  async writeFile({ file, revision, ticket }: CachedFile): Promise<void> {
    const { entry, floor } = fileKeys(file.fileId);
    await this.#breaker.run(() =>
      this.#client.artstoreWriteFile(
        entry,
        floor,
        ticket.epoch,
        ticket.issuedAtUs,
        revision,
        JSON.stringify(file),
        limits.cacheTtlSeconds,
        limits.cacheFloorSeconds,
      ),
    );
  }

  async invalidateFiles(fileIds: readonly FileId[]): Promise<boolean> {
    for (let start = 0; start < fileIds.length; start += chunkFiles) {
      const chunk = fileIds.slice(start, start + chunkFiles);
      const done = await this.#breaker.run(() =>
        Promise.all(
          chunk.map((fileId) => {
            const { entry, floor } = fileKeys(fileId);
            return this.#client.artstoreInvalidateFile(entry, floor, limits.cacheFloorSeconds);
          }),
        ),
      );
      if (done === null) return false;
    }
    return true;
  }

  isAvailable(): boolean {
    return this.#breaker.isClosed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    const ended = this.#breaker[Symbol.asyncDispose]();
    // Rejects what still waits for an answer.
    this.#client.disconnect();
    await ended;
  }

  async #keepEpoch(): Promise<void> {
    // Everything is gone with it: no older entry can become valid by a new one.
    await this.#client.set(epochKey, randomUUID(), 'NX');
  }
}

/** Reads go on without it. */
export function createRedisHealth(cache: Pick<RedisFileCache, 'isAvailable'>): ComponentHealth {
  return {
    name: 'redis',
    isRequired: false,
    async check() {
      if (!cache.isAvailable()) throw new Error('the cache does not answer');
    },
  };
}

/** Whatever stands there was written by somebody: it is used only if it can be what it should be. */
function parseFile(text: string, fileId: FileId): CatalogueFile | null {
  try {
    const file = JSON.parse(text) as CatalogueFile;
    return file.fileId === fileId ? file : null;
  } catch {
    return null;
  }
}
