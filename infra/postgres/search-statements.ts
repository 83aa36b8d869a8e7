import { DomainError } from '#domain/errors.ts';
import { isUuid } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { FileSort } from '#domain/ports/file-catalogue.ts';
import type { FacetName, SearchPosition, SearchQuery } from '#domain/ports/file-search.ts';
import { fileColumns, sorts } from './file-list-query.ts';
import type { Statement } from './open-pool.ts';
import {
  isScan,
  searchCondition,
  searchSource,
  wordQuery,
  type Bind,
} from './search-conditions.ts';

export interface BoundStatement {
  readonly statement: Statement;
  readonly values: readonly unknown[];
}

/** Only words have a weight: everything else by relevance is by age. */
export function isRanked(query: SearchQuery): query is SearchQuery & { readonly text: string } {
  return query.sort === 'relevance' && query.mode === 'fulltext' && query.text !== null;
}

export function pageStatement(query: SearchQuery): BoundStatement {
  return isRanked(query) ? rankedPage(query) : sortedPage(query);
}

/**
 * In the order of a column. The limit of the matches is more than a page needs: with it the planner
 * does not walk the index of that order in the hope of a match where matches are rare. Where they
 * are not, the walk ends as soon as the page is full.
 */
function sortedPage(query: SearchQuery): BoundStatement {
  const { bind, values } = createBinding();
  const sort: FileSort = query.sort === 'relevance' ? 'created_at' : query.sort;
  const where = [searchCondition(query, bind)];
  if (query.after !== null) {
    const { type, parse } = sorts[sort];
    const value = bind(parse(query.after.value));
    const sign = query.order === 'asc' ? '>' : '<';
    where.push(
      `(f.${sort}, f.file_id) ${sign} (${value}::${type}, ${bind(checkId(query.after))}::uuid)`,
    );
  }
  const isCut = isScan(query)
    ? `exists (select from files order by created_at offset ${limits.searchScanFiles})`
    : 'false';
  const order = (table: string): string =>
    `${table}.${sort} ${query.order}, ${table}.file_id ${query.order}`;
  const text = `
    with matches as materialized (
      select f.file_id, f.${sort} from ${searchSource(query)}
      where ${where.join(' and ')}
      order by ${order('f')} limit ${limits.searchCandidates}
    )
    select ${fileColumns}, f.${sort} as position, ${isCut} as is_cut
    from (
      select * from matches m order by ${order('m')} limit ${bind(query.limit + 1)}
    ) page
    join files f using (file_id)
    join storage_elements e on e.element_id = f.element_id
    order by ${order('page')}`;
  return { statement: { text }, values };
}

/** The newest matches by weight, the newer first among equals. */
function rankedPage(query: SearchQuery & { readonly text: string }): BoundStatement {
  const { bind, values } = createBinding();
  const after = query.after === null ? null : parseRank(query.after);
  const direction = query.order;
  const beyond =
    after === null
      ? ''
      : `where (c.score, c.created_at, c.file_id) ${direction === 'asc' ? '>' : '<'} (${bind(
          after.score,
        )}::float4, ${bind(after.createdAt)}::timestamptz, ${bind(after.fileId)}::uuid)`;
  const order = (table: string): string =>
    `${table}.score ${direction}, ${table}.created_at ${direction}, ${table}.file_id ${direction}`;
  const text = `
    with candidates as materialized (
      select f.file_id, f.created_at,
        ts_rank(f.search_vector, ${wordQuery(query.text, bind)}) as score
      from ${searchSource(query)} where ${searchCondition(query, bind)}
      order by f.created_at desc, f.file_id desc limit ${limits.searchCandidates + 1}
    ), ranked as (
      select * from candidates order by created_at desc, file_id desc
      limit ${limits.searchCandidates}
    )
    select ${fileColumns}, page.score, page.created_at as position,
      (select count(*) > ${limits.searchCandidates} from candidates) as is_cut
    from (
      select c.* from ranked c ${beyond} order by ${order('c')} limit ${bind(query.limit + 1)}
    ) page
    join files f using (file_id)
    join storage_elements e on e.element_id = f.element_id
    order by ${order('page')}`;
  return { statement: { text }, values };
}

const facetValues: Record<FacetName, string> = {
  content_type: 'c.content_type',
  extension: 'c.extension',
  tags: 'unnest(c.tags)',
  username: 'c.created_by_username',
  element_id: 'c.element_id',
  retention_policy: 'c.retention_policy',
};

/** Over the newest matches, at most as many as are ranked. */
export function facetStatement(query: SearchQuery): BoundStatement {
  const { bind, values } = createBinding();
  const counts = query.facets.map(
    (facet) => `(
      select '${facet}' as facet, value, count(*) as count
      from (select ${facetValues[facet]} as value from candidates c) v
      group by value order by count desc, value limit ${limits.facetValues})`,
  );
  const text = `
    with candidates as materialized (
      select f.content_type, f.extension, f.tags, f.created_by_username, f.element_id,
        f.retention_policy
      from ${searchSource(query)} where ${searchCondition(query, bind)}
      order by f.created_at desc, f.file_id desc limit ${limits.searchCandidates}
    )
    ${counts.join(' union all ')}`;
  return { statement: { text }, values };
}

export function createBinding(): { readonly bind: Bind; readonly values: unknown[] } {
  const values: unknown[] = [];
  return { values, bind: (value) => `$${values.push(value)}` };
}

function checkId(position: SearchPosition): string {
  if (!isUuid(position.fileId)) throw invalidCursor();
  return position.fileId;
}

/** Of a ranked page: `<score> <created_at>`. */
function parseRank(position: SearchPosition): {
  score: string;
  createdAt: string;
  fileId: string;
} {
  const [score = '', instant = '', ...rest] = position.value.split(' ');
  if (!/^\d{1,10}(?:\.\d{1,20})?(?:e-?\d{1,2})?$/.test(score) || rest.length > 0) {
    throw invalidCursor();
  }
  return { score, createdAt: sorts.created_at.parse(instant), fileId: checkId(position) };
}

function invalidCursor(): DomainError {
  return new DomainError('CURSOR_INVALID', 'The cursor does not fit this search.');
}
