import { toPlainNumbers } from '#api/plain-numbers.ts';
import { readAttributeConditions } from '#api/search/attribute-conditions.ts';
import { searchRequestSchema, type SearchEngine } from '#api/search/search-schemas.ts';
import { compileBody, findBodyFaults, requireNoFaults } from '#api/validation.ts';
import type { Fault } from '#domain/errors.ts';
import type { ElementId } from '#domain/ids.ts';
import { compareInstants, parseInstant, type Instant } from '#domain/instant.ts';
import type { JsonArray, JsonObject, JsonValue } from '#domain/json.ts';
import { pointerTo } from '#domain/json-pointer.ts';
import { limits } from '#domain/limits.ts';
import type { SearchFilters, SearchQuery } from '#domain/ports/file-search.ts';
import { hasCriteria } from '#domain/search/search-criteria.ts';
import { isJsonObject, isRawNumber } from '#domain/strict-json.ts';
import type { Static } from 'typebox';

export interface SearchRequest {
  /** Without its position. */
  readonly query: SearchQuery;
  readonly engine: SearchEngine;
  readonly cursor: string | null;
}

type SentRequest = Static<typeof searchRequestSchema>;
type SentFilters = NonNullable<SentRequest['filters']>;

const shownFaults = 100;
const validate = compileBody(searchRequestSchema);

/** @throws REQUEST_INVALID with every fault */
export function readSearchRequest(body: JsonValue): SearchRequest {
  const faults: Fault[] = [];
  checkValue(body, '', faults);
  // Only values of custom attributes keep their digits.
  const plain = toPlainNumbers(body, 'custom_attributes');
  faults.push(...findBodyFaults(validate, plain));
  // A body of a megabyte can be wrong in very many places.
  requireNoFaults(faults.slice(0, shownFaults));
  const sent = plain as SentRequest;
  const query: SearchQuery = {
    text: readText(sent.query),
    mode: sent.mode ?? 'fulltext',
    filters: readFilters(sent.filters ?? {}, faults),
    sort: sent.sort ?? 'relevance',
    order: sent.order ?? 'desc',
    limit: sent.limit ?? Math.min(limits.pageSizeDefault, limits.searchPageSizeMax),
    after: null,
    withHighlight: sent.highlight ?? false,
    facets: sent.facets ?? [],
  };
  if (faults.length === 0 && !hasCriteria(query)) {
    faults.push({ pointer: '/query', message: 'is needed where there is no filter' });
  }
  requireNoFaults(faults.slice(0, shownFaults));
  return { query, engine: sent.engine ?? 'auto', cursor: sent.cursor ?? null };
}

/** Blank text is none. */
function readText(sent: string | null | undefined): string | null {
  const text = sent?.trim() ?? '';
  return text === '' ? null : text;
}

function readFilters(sent: SentFilters, faults: Fault[]): SearchFilters {
  const { filename, tags, username, size = {}, created_at: created = {}, state } = sent;
  const createdFrom = readInstant(created.from);
  const createdTo = readInstant(created.to);
  if ((size.min ?? 0) > (size.max ?? Infinity)) {
    faults.push({ pointer: '/filters/size', message: 'must not end before it begins' });
  }
  if (createdFrom !== null && createdTo !== null && compareInstants(createdFrom, createdTo) > 0) {
    faults.push({ pointer: '/filters/created_at', message: 'must not end before it begins' });
  }
  const attributes = sent.custom_attributes as JsonObject | undefined;
  return {
    ...(filename !== undefined && { filename }),
    ...(sent.extension !== undefined && { extension: sent.extension.replace(/^\./, '') }),
    ...(sent.content_type !== undefined && { contentType: sent.content_type }),
    ...(tags !== undefined && { tags }),
    ...(username !== undefined && { username }),
    ...(size.min !== undefined && { sizeMinBytes: size.min }),
    ...(size.max !== undefined && { sizeMaxBytes: size.max }),
    ...(createdFrom !== null && { createdFrom }),
    ...(createdTo !== null && { createdTo }),
    ...(sent.element_id !== undefined && { elementId: sent.element_id as ElementId }),
    ...(sent.retention_policy !== undefined && { retentionPolicy: sent.retention_policy }),
    ...(state !== undefined && { state }),
    ...(attributes !== undefined && {
      customAttributes: readAttributeConditions(attributes, {
        pointer: '/filters/custom_attributes',
        faults,
      }),
    }),
  };
}

/** The format of the schema is this same function: what passed it is an instant. */
function readInstant(text: string | undefined): Instant | null {
  return text === undefined ? null : parseInstant(text);
}

/** What no file can have and no database compare: refused wherever it stands. */
function checkValue(value: JsonValue | undefined, pointer: string, faults: Fault[]): void {
  if (typeof value === 'string') {
    if (value.includes('\0')) faults.push({ pointer, message: 'must not contain NUL' });
    if (!value.isWellFormed()) {
      faults.push({ pointer, message: 'must not contain half of a surrogate pair' });
    }
  } else if (isRawNumber(value)) {
    const number = Number(value.rawJSON);
    const isZero = /^-?0(?:\.0+)?(?:[eE].*)?$/.test(value.rawJSON);
    if (!Number.isFinite(number) || (number === 0 && !isZero)) {
      faults.push({ pointer, message: 'is too large or too small a number' });
    }
  } else if (Array.isArray(value)) {
    for (const [index, item] of (value as JsonArray).entries()) {
      checkValue(item, pointerTo(pointer, index), faults);
    }
  } else if (isJsonObject(value)) {
    for (const [name, member] of Object.entries(value)) {
      const memberPointer = pointerTo(pointer, name);
      checkValue(name, memberPointer, faults);
      checkValue(member, memberPointer, faults);
    }
  }
}
