import type { Static } from 'typebox';
import { answerJson } from '#api/answers.ts';
import type { CursorScope } from '#api/files/cursor.ts';
import { fileListQuery, fileListSchema, fileParams, fileSchema } from '#api/files/file-schemas.ts';
import { findCachedFile } from '#api/files/find-cached-file.ts';
import { isNotModified } from '#api/files/conditions.ts';
import { attributesEtag, filesPath, presentFile } from '#api/files/present-file.ts';
import { declareRoute } from '#api/route.ts';
import type { ElementId } from '#domain/ids.ts';
import { parseInstant, type Instant } from '#domain/instant.ts';
import { limits } from '#domain/limits.ts';
import type { FileFilters } from '#domain/ports/file-catalogue.ts';

export const showFile = declareRoute({
  method: 'GET',
  path: `${filesPath}/{file_id}`,
  name: 'showFile',
  summary: 'Attributes and state of a file, as the catalogue knows them',
  tag: 'files',
  policy: { action: 'files.read' },
  params: fileParams,
  paramsFault: 'FILE_NOT_FOUND',
  answers: {
    200: {
      description: 'The file',
      content: { 'application/json': fileSchema },
      headers: { ETag: 'Of its attributes: SHA-256 of the sidecar' },
    },
    304: { description: 'Not modified' },
  },
  errors: ['FILE_NOT_FOUND', 'FILE_DELETED', 'PRECONDITION_FAILED', 'CATALOGUE_UNAVAILABLE'],
  steps: [
    async (call) => {
      const { params, context } = call;
      const { row, attributes } = await findCachedFile(call, params.file_id);
      const etag = attributesEtag(row.sidecarDigest);
      context.set('ETag', etag);
      context.set('Cache-Control', 'private, no-cache');
      if (isNotModified(context.req.headers, { etag, lastModifiedMs: null })) {
        context.status = 304;
        return;
      }
      answerJson(context, 200, presentFile(attributes, row));
    },
  ],
});

export const listFiles = declareRoute({
  method: 'GET',
  path: filesPath,
  name: 'listFiles',
  summary: 'List files, page by page',
  tag: 'files',
  policy: { action: 'files.read' },
  query: fileListQuery,
  answers: {
    200: { description: 'A page', content: { 'application/json': fileListSchema } },
  },
  errors: ['REQUEST_INVALID', 'CURSOR_INVALID', 'CATALOGUE_UNAVAILABLE'],
  steps: [
    async ({ services, query, context }) => {
      const scope: CursorScope = {
        filters: readFilters(query),
        sort: query.sort ?? 'created_at',
        order: query.order ?? 'desc',
      };
      const page = await services.ports.catalogue.listFiles({
        ...scope,
        limit: query.limit ?? limits.pageSizeDefault,
        after:
          query.cursor === undefined ? null : services.cursors.decodeCursor(query.cursor, scope),
        includeTotal: query.include === 'total',
      });
      context.set('Cache-Control', 'private, no-cache');
      answerJson(context, 200, {
        items: page.files.map((row) =>
          presentFile(services.ports.codec.parseAttributes(row.attributes), row),
        ),
        next_cursor: page.next === null ? null : services.cursors.encodeCursor(page.next, scope),
        ...(page.total !== null && { total: page.total }),
      });
    },
  ],
});

function readFilters(query: Static<typeof fileListQuery>): FileFilters {
  const { filename, tag, username, state } = query;
  const createdFrom = readInstant(query.created_from);
  const createdTo = readInstant(query.created_to);
  return {
    ...(filename !== undefined && { filename }),
    ...(query.content_type !== undefined && { contentType: query.content_type }),
    ...(tag !== undefined && { tag }),
    ...(username !== undefined && { username }),
    ...(query.element_id !== undefined && { elementId: query.element_id as ElementId }),
    ...(state !== undefined && { state }),
    ...(query.retention_policy !== undefined && { retentionPolicy: query.retention_policy }),
    ...(createdFrom !== null && { createdFrom }),
    ...(createdTo !== null && { createdTo }),
  };
}

/** The format of the schema is this same function: what passed it is an instant. */
function readInstant(text: string | undefined): Instant | null {
  return text === undefined ? null : parseInstant(text);
}
