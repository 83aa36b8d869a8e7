import {
  Meilisearch,
  MeilisearchApiError,
  type EnqueuedTask,
  type SearchParams,
  type Task,
} from 'meilisearch';
import { DomainError, isDomainError } from '#domain/errors.ts';
import type { FileId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type {
  Facets,
  IndexHits,
  SearchDocument,
  SearchIndex,
  SearchQuery,
} from '#domain/ports/file-search.ts';
import { createCircuitBreaker, type CircuitBreaker } from './circuit-breaker.ts';
import { indexSettings, primaryKey } from './index-settings.ts';
import { highlighting, searchParameters, searchText } from './search-parameters.ts';

export interface MeilisearchOptions {
  readonly url: string;
  readonly key: string | null;
  /** Of the index that serves; others stand beside it under names that begin with it. */
  readonly indexName?: string;
}

interface Hit {
  readonly file_id: FileId;
  readonly _rankingScore?: number;
  readonly _formatted?: Readonly<Record<string, unknown>>;
}

const defaultIndexName = 'files';
const failuresToOpen = 2;
const probeEveryMs = 500;
const taskPollMs = 20;
const rememberedSwaps = 100;

/** Searches wait for a short time and go through the breaker; writes are awaited to their end. */
export class MeilisearchSearchIndex implements SearchIndex, Disposable {
  readonly #reader: Meilisearch;
  readonly #writer: Meilisearch;
  readonly #serving: string;
  readonly #breaker: CircuitBreaker;

  constructor({ url, key, indexName = defaultIndexName }: MeilisearchOptions) {
    const server = { host: url, ...(key !== null && { apiKey: key }) };
    this.#reader = new Meilisearch({ ...server, timeout: limits.searchEngineTimeoutMs });
    this.#writer = new Meilisearch({ ...server, timeout: limits.searchEngineWriteTimeoutMs });
    this.#serving = indexName;
    this.#breaker = createCircuitBreaker({
      failuresToOpen,
      probeEveryMs,
      probe: () => this.#reader.health(),
    });
  }

  isAvailable(): boolean {
    return this.#breaker.isClosed();
  }

  async searchIndex(query: SearchQuery & { readonly offset: number }): Promise<IndexHits> {
    return this.#search(searchText(query), searchParameters(query));
  }

  async suggest(prefix: string, limit: number): Promise<IndexHits> {
    return this.#search(prefix, {
      limit: limit + 1,
      attributesToRetrieve: ['file_id'],
      attributesToSearchOn: ['original_filename'],
      showRankingScore: true,
      matchingStrategy: 'all',
      ...highlighting,
    });
  }

  async countDocuments(): Promise<number> {
    const stats = await this.#read(() => this.#reader.index(this.#serving).getStats());
    return stats.numberOfDocuments;
  }

  async upsertDocuments(documents: readonly SearchDocument[], target?: string): Promise<void> {
    if (documents.length === 0) return;
    await this.#write(async () => {
      const name = await this.#requireIndex(target);
      return this.#writer.index(name).addDocuments([...documents], { primaryKey });
    });
  }

  async deleteDocuments(fileIds: readonly FileId[], target?: string): Promise<void> {
    if (fileIds.length === 0) return;
    await this.#write(async () => {
      const name = await this.#requireIndex(target);
      return this.#writer.index(name).deleteDocuments([...fileIds]);
    });
  }

  async ensureIndex(): Promise<void> {
    await this.#prepareIndex(this.#serving);
  }

  nameIndex(run: string): string {
    return `${this.#serving}-${run}`;
  }

  async createIndex(name: string): Promise<void> {
    await this.dropIndex(name);
    await this.#prepareIndex(name);
  }

  async hasIndex(name: string): Promise<boolean> {
    try {
      await this.#attempt(() => this.#writer.getRawIndex(name));
      return true;
    } catch (error) {
      if (codeOf(error) === 'index_not_found') return false;
      throw error;
    }
  }

  async swapIndex(name: string): Promise<void> {
    // Done before: a second swap would bring the old one back.
    if (!(await this.#wasSwapped(name))) {
      await this.ensureIndex();
      await this.#write(() =>
        this.#writer.swapIndexes([{ indexes: [this.#serving, name], rename: false }]),
      );
    }
    await this.dropIndex(name);
  }

  async dropIndex(name: string): Promise<void> {
    await this.#write(() => this.#writer.deleteIndex(name), ['index_not_found']);
  }

  [Symbol.dispose](): void {
    this.#breaker[Symbol.dispose]();
  }

  async #search(text: string, parameters: SearchParams): Promise<IndexHits> {
    const limit = (parameters.limit ?? 1) - 1;
    const answer = await this.#read(() =>
      this.#reader.index(this.#serving).search<Hit>(text, parameters),
    );
    return {
      hits: answer.hits.slice(0, limit).map((hit) => ({
        fileId: hit.file_id,
        score: hit._rankingScore ?? null,
        highlight: hit._formatted === undefined ? null : readHighlight(hit._formatted),
      })),
      facets: (answer.facetDistribution as Facets | undefined) ?? null,
      hasMore: answer.hits.length > limit,
    };
  }

  /** Documents sent to an index that is not there would make one without any settings. */
  async #requireIndex(target: string | undefined): Promise<string> {
    const name = target ?? this.#serving;
    if (await this.hasIndex(name)) return name;
    if (target !== undefined) throw unavailable(new Error(`the index ${name} is gone`));
    await this.ensureIndex();
    return name;
  }

  async #prepareIndex(name: string): Promise<void> {
    await this.#write(
      () => this.#writer.createIndex(name, { primaryKey }),
      ['index_already_exists'],
    );
    await this.#write(() => this.#writer.index(name).updateSettings(indexSettings));
  }

  /** Its tasks are the server's memory of swaps; the name is of one run only. */
  async #wasSwapped(name: string): Promise<boolean> {
    const { results } = await this.#attempt(() =>
      this.#writer.tasks.getTasks({
        types: ['indexSwap'],
        statuses: ['enqueued', 'processing', 'succeeded'],
        limit: rememberedSwaps,
      }),
    );
    const task = results.find(({ details }) =>
      details?.swaps?.some(({ indexes }) => indexes.includes(name)),
    );
    if (task === undefined) return false;
    const ended = await this.#attempt(() => this.#waitForTask(task.uid));
    return ended.status === 'succeeded';
  }

  async #read<Result>(run: () => Promise<Result>): Promise<Result> {
    if (!this.#breaker.isClosed()) throw unavailable(new Error('the circuit breaker is open'));
    try {
      const result = await run();
      this.#breaker.reportSuccess();
      return result;
    } catch (error) {
      if (isAnswer(error)) this.#breaker.reportSuccess();
      else this.#breaker.reportFailure();
      throw unavailable(error);
    }
  }

  /** Resolves when the task has succeeded, or failed with one of the codes that mean: as wanted. */
  async #write(enqueue: () => Promise<EnqueuedTask>, harmless: readonly string[] = []) {
    await this.#attempt(async () => {
      const { taskUid } = await enqueue();
      const { status, error } = await this.#waitForTask(taskUid);
      if (status === 'succeeded' || harmless.includes(error?.code ?? '')) return;
      throw new Error(`a task of the search index ended as ${status}`, { cause: error });
    });
  }

  #waitForTask(taskUid: number): Promise<Task> {
    return this.#writer.tasks.waitForTask(taskUid, {
      timeout: limits.searchEngineTaskTimeoutMs,
      interval: taskPollMs,
    });
  }

  async #attempt<Result>(run: () => Promise<Result>): Promise<Result> {
    try {
      return await run();
    } catch (error) {
      throw unavailable(error);
    }
  }
}

function readHighlight(formatted: Readonly<Record<string, unknown>>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of highlighting.attributesToHighlight) {
    const value = formatted[name];
    const text = Array.isArray(value) ? value.join(', ') : value;
    if (typeof text === 'string' && text.includes(highlighting.highlightPreTag)) found[name] = text;
  }
  return found;
}

function unavailable(cause: unknown): DomainError {
  if (isDomainError(cause)) return cause;
  return new DomainError('SEARCH_UNAVAILABLE', 'The search index does not answer at the moment.', {
    cause,
  });
}

/** The server is there and says no; only what it cannot do now counts as a failure. */
function isAnswer(error: unknown): boolean {
  return error instanceof MeilisearchApiError && error.response.status < 500;
}

function codeOf(error: unknown): string | null {
  const cause = isDomainError(error) ? error.cause : error;
  return cause instanceof MeilisearchApiError ? (cause.cause?.code ?? null) : null;
}
