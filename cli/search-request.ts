import type { JsonObject } from '#domain/json.ts';
import { usageError } from './cli-error.ts';

/** What the options of `find` say. */
export interface FindOptions {
  readonly mode?: string;
  readonly engine?: string;
  readonly filename?: string;
  readonly extension?: string;
  readonly contentType?: string;
  readonly tag?: readonly string[];
  readonly username?: string;
  readonly minSize?: number;
  readonly maxSize?: number;
  readonly createdFrom?: string;
  readonly createdTo?: string;
  readonly element?: string;
  readonly policy?: string;
  readonly state?: string;
  readonly custom?: JsonObject;
  readonly sort?: string;
  readonly order?: string;
}

/** The body of `POST /files/search`, without its page. @throws CliError when nothing is looked for */
export function buildSearch(query: string | undefined, options: FindOptions): JsonObject {
  const filters = buildFilters(options);
  const hasFilters = Object.keys(filters).length > 0;
  if (query === undefined && !hasFilters) {
    throw usageError('Say what to look for: words, or a filter. artstore list shows all files.');
  }
  return {
    ...(query !== undefined && { query }),
    ...(hasFilters && { filters }),
    ...only({
      mode: options.mode,
      engine: options.engine,
      sort: options.sort,
      order: options.order,
    }),
  };
}

function buildFilters(options: FindOptions): JsonObject {
  const { filename, extension, tag, username, policy, state, custom } = options;
  const size = only({ min: options.minSize, max: options.maxSize });
  const created = only({ from: options.createdFrom, to: options.createdTo });
  return {
    ...only({
      filename,
      extension,
      content_type: options.contentType,
      username,
      element_id: options.element,
      retention_policy: policy,
      state,
    }),
    ...(tag !== undefined && { tags: tag }),
    ...(custom !== undefined && { custom_attributes: custom }),
    ...(Object.keys(size).length > 0 && { size }),
    ...(Object.keys(created).length > 0 && { created_at: created }),
  };
}

function only(members: Readonly<Record<string, string | number | undefined>>): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
