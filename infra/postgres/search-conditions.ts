import type { JsonValue } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import type {
  AttributeCondition,
  SearchFilters,
  SearchMode,
  SearchQuery,
} from '#domain/ports/file-search.ts';
import { dayNumber, presenceTerm, rangeTerms } from './attribute-terms.ts';
import { columnOfInstant } from './column-types.ts';
import { folded, isVisible, likePart } from './file-list-query.ts';

/** Adds a value to those of the statement. @returns its place in the text. */
export type Bind = (value: unknown) => string;

type FilterName = Exclude<keyof SearchFilters, 'customAttributes'>;

const conditions: {
  readonly [Name in FilterName]-?: (value: NonNullable<SearchFilters[Name]>, bind: Bind) => string;
} = {
  filename: namePart,
  extension: (value, bind) => `f.extension = ${bind(value.toLowerCase())}`,
  contentType: (value, bind) => `f.content_type = ${bind(value)}`,
  tags: (value, bind) => `f.tags @> ${bind(value)}::text[] and f.tags <> '{}'`,
  username: (value, bind) => `f.created_by_username = ${bind(value)}`,
  sizeMinBytes: (value, bind) => `f.file_size >= ${bind(value)}::bigint`,
  sizeMaxBytes: (value, bind) => `f.file_size <= ${bind(value)}::bigint`,
  createdFrom: (value, bind) => `f.created_at >= ${bind(columnOfInstant(value))}::timestamptz`,
  createdTo: (value, bind) => `f.created_at <= ${bind(columnOfInstant(value))}::timestamptz`,
  elementId: (value, bind) => `f.element_id = ${bind(value)}`,
  retentionPolicy: (value, bind) => `f.retention_policy = ${bind(value)}`,
  state: (value, bind) =>
    `f.state = ${bind(value)}${value === 'stored' ? '' : ` and f.state <> 'stored'`}`,
};

/** How the text of a query becomes a condition. */
const textConditions: Record<SearchMode, (text: string, bind: Bind) => string> = {
  fulltext: (text, bind) => `f.search_vector @@ ${wordQuery(text, bind)}`,
  exact: (text, bind) => `f.original_filename = ${bind(text)}`,
  partial: namePart,
};

/** With one of these, some three characters in a row are in the index of names. */
const isIndexed = /[\p{L}\p{N}]{3}|[^\p{L}\p{N}][\p{L}\p{N}]|[\p{L}\p{N}]{2}[^\p{L}\p{N}]/u;

type Criteria = Pick<SearchQuery, 'text' | 'mode' | 'filters'>;

/** Where to look: no index helps with a short part of a name, and nothing else narrows it down. */
export function isScan({ text, mode, filters }: Criteria): boolean {
  const { filename, ...others } = filters;
  const parts = [mode === 'partial' ? text : null, filename ?? null].filter(
    (part) => part !== null,
  );
  const isOther = (text !== null && mode !== 'partial') || Object.keys(others).length > 0;
  return !isOther && parts.length > 0 && !parts.some((part) => isIndexed.test(part));
}

/** The table `f` of a search. */
export function searchSource(criteria: Criteria): string {
  if (!isScan(criteria)) return 'files f';
  return `(select * from files order by created_at desc, file_id desc
    limit ${limits.searchScanFiles}) f`;
}

export function wordQuery(text: string, bind: Bind): string {
  return `search_query(${bind(text)})`;
}

/** Conditions on `files f`, joined by `and`. */
export function searchCondition({ text, mode, filters }: Criteria, bind: Bind): string {
  const where = [isVisible];
  if (text !== null) where.push(textConditions[mode](text, bind));
  for (const name of Object.keys(conditions) as FilterName[]) {
    const value = filters[name];
    if (value === undefined) continue;
    const condition = conditions[name] as (value: unknown, bind: Bind) => string;
    where.push(condition(value, bind));
  }
  for (const [name, attribute] of filters.customAttributes ?? []) {
    where.push(...attribute.map((condition) => attributeCondition(name, condition, bind)));
    where.push(...rangeConditions(name, attribute, bind));
  }
  return where.join(' and ');
}

function namePart(text: string, bind: Bind): string {
  const name = folded('f.original_filename');
  // Not `like`: that could read an index of names from end to end.
  if (!isIndexed.test(text)) return `position(${folded(`${bind(text)}::text`)} in ${name}) > 0`;
  return `${name} like ${folded(`${bind(likePart(text))}::text`)}`;
}

const comparisons = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;

function attributeCondition(name: string, condition: AttributeCondition, bind: Bind): string {
  switch (condition.operator) {
    case 'eq':
      return contains(name, condition.value, bind);
    case 'in':
      if (condition.values.length === 0) return 'false';
      return `(${condition.values.map((value) => contains(name, value, bind)).join(' or ')})`;
    case 'exists': {
      const present = `f.attribute_terms @> array[${bind(presenceTerm(name))}::bigint]`;
      return condition.value ? present : `not ${present}`;
    }
    default: {
      // "strict" and silent: neither another type nor an array is compared, nor an error.
      const path = `strict $.${JSON.stringify(name)} ? (@ ${comparisons[condition.operator]} $value)`;
      const variables = JSON.stringify({ value: condition.value });
      return `jsonb_path_exists(f.custom_attributes, ${bind(path)}::jsonpath, ${bind(variables)}::jsonb, true)`;
    }
  }
}

function contains(name: string, value: JsonValue, bind: Bind): string {
  return `f.custom_attributes @> ${bind(JSON.stringify({ [name]: value }))}::jsonb`;
}

/** What an index can tell of all comparisons of one attribute together. */
function rangeConditions(
  name: string,
  attribute: readonly AttributeCondition[],
  bind: Bind,
): string[] {
  const ranges = new Map<'n' | 'd', { from: number | null; to: number | null }>();
  let isCompared = false;
  for (const condition of attribute) {
    if (!isComparison(condition)) continue;
    const { operator, value } = condition;
    const number = typeof value === 'string' ? dayNumber(value) : value;
    if (number === null) {
      isCompared = true;
      continue;
    }
    const kind = typeof value === 'string' ? 'd' : 'n';
    const range = ranges.get(kind) ?? { from: null, to: null };
    if (operator.startsWith('g')) range.from = Math.max(range.from ?? number, number);
    else range.to = Math.min(range.to ?? number, number);
    ranges.set(kind, range);
  }
  const terms = [...ranges].map(([kind, range]) => rangeTerms(kind, name, range));
  if (isCompared) terms.push([presenceTerm(name)]);
  return terms.map((list) => `f.attribute_terms && ${bind(list)}::bigint[]`);
}

function isComparison(
  condition: AttributeCondition,
): condition is Extract<AttributeCondition, { operator: keyof typeof comparisons }> {
  return Object.hasOwn(comparisons, condition.operator);
}
