import { DomainError, isDomainError } from '#domain/errors.ts';
import type { FileId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { CatalogueFile } from '#domain/ports/file-catalogue.ts';
import type {
  FacetName,
  Facets,
  FileSearch,
  SearchFilters,
  SearchPage,
  SearchPosition,
  SearchQuery,
} from '#domain/ports/file-search.ts';
import { sqlState } from './database-errors.ts';
import { fileColumns, isVisible } from './file-list-query.ts';
import { fileOfRow, type FileRow } from './file-rows.ts';
import type { Database } from './open-pool.ts';
import { searchCondition } from './search-conditions.ts';
import { highlightFiles } from './search-highlight.ts';
import {
  createBinding,
  facetStatement,
  isRanked,
  pageStatement,
  type BoundStatement,
} from './search-statements.ts';

interface HitRow extends FileRow {
  readonly position: string | number;
  readonly score?: number;
  readonly is_cut?: boolean;
}

interface FacetRow {
  readonly facet: FacetName;
  readonly value: string;
  readonly count: number;
}

/** How the connections of searches are opened. */
export const searchPoolOptions = {
  statementTimeoutMs: limits.searchTimeoutMs,
  serverSettings: {
    // Ten thousand candidates and the page numbers of a common word fit.
    work_mem: '32MB',
    // A look into an index costs hardly more than the next page: as on a solid-state disk, or in
    // memory. Otherwise rare words would be looked for by reading half of the catalogue.
    random_page_cost: '1.1',
    jit: 'off',
    // Many searches at once are the rule; none of them may take all processors.
    max_parallel_workers_per_gather: '0',
  },
} as const;

const queryCanceled = '57014';
const nothing: SearchPage = { hits: [], next: null, facets: null, isCut: false };

/**
 * Searches the catalogue itself. Give it connections of its own, opened with
 * `searchPoolOptions`: the server ends a statement after `limits.searchTimeoutMs`, and a search
 * that takes long keeps nobody else waiting.
 */
export class PostgresFileSearch implements FileSearch {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async searchFiles(query: SearchQuery): Promise<SearchPage> {
    if (isUnstorable(query)) return query.facets.length > 0 ? { ...nothing, facets: {} } : nothing;
    const page = pageStatement(query);
    const [rows, facets] = await Promise.all([
      this.#run<HitRow>(page),
      query.facets.length > 0 ? this.#run<FacetRow>(facetStatement(query)) : null,
    ]);
    const shown = rows.slice(0, query.limit);
    const files = shown.map(fileOfRow);
    const highlights = await inTime(() => highlightFiles(this.#database, query, files));
    return {
      hits: files.map((file, index) => ({
        file,
        score: shown[index]?.score ?? null,
        highlight: highlights[index] ?? null,
      })),
      next: rows.length > query.limit ? positionOf(query, shown.at(-1)) : null,
      facets: facets === null ? null : countFacets(query.facets, facets),
      isCut: rows[0]?.is_cut ?? false,
    };
  }

  async findFiles(
    fileIds: readonly FileId[],
    filters: SearchFilters,
  ): Promise<readonly CatalogueFile[]> {
    const search = { text: null, mode: 'fulltext', filters } as const;
    if (fileIds.length === 0 || isUnstorable(search)) return [];
    const { bind, values } = createBinding();
    const text = `select ${fileColumns} from files f
      join storage_elements e on e.element_id = f.element_id
      where f.file_id = any(${bind(fileIds)}::uuid[]) and ${searchCondition(search, bind)}`;
    const rows = await this.#run<FileRow>({ statement: { text }, values });
    const files = new Map(rows.map((row) => [row.file_id, fileOfRow(row)]));
    return fileIds.flatMap((fileId) => files.get(fileId) ?? []);
  }

  async countFiles(): Promise<number> {
    const text = `select count(*) as count from files f where ${isVisible}`;
    const [row] = await this.#run<{ count: number }>({ statement: { text }, values: [] });
    return row?.count ?? 0;
  }

  #run<Row extends object>({ statement, values }: BoundStatement): Promise<readonly Row[]> {
    return inTime(() => this.#database.query<Row>(statement, values));
  }
}

/** @throws SEARCH_TIMEOUT when the server ended the statement for the time it took. */
async function inTime<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (!isDomainError(error) || sqlState(error.cause) !== queryCanceled) throw error;
    throw new DomainError('SEARCH_TIMEOUT', 'The search took too long; say more precisely what.', {
      cause: error,
    });
  }
}

function positionOf(query: SearchQuery, row: HitRow | undefined): SearchPosition | null {
  if (row === undefined) return null;
  const value = isRanked(query) ? `${row.score} ${row.position}` : String(row.position);
  return { value, fileId: row.file_id };
}

function countFacets(names: readonly FacetName[], rows: readonly FacetRow[]): Facets {
  return Object.fromEntries(
    names.map((name) => [
      name,
      Object.fromEntries(
        rows.filter(({ facet }) => facet === name).map(({ value, count }) => [value, count]),
      ),
    ]),
  );
}

/** PostgreSQL has neither U+0000 nor half of a surrogate pair: nothing there has one. */
function isUnstorable(search: Pick<SearchQuery, 'text' | 'filters'>): boolean {
  const { customAttributes, ...filters } = search.filters;
  const json = JSON.stringify([search.text, filters, ...(customAttributes ?? [])]);
  return /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/.test(json);
}
