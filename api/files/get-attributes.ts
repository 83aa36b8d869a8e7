import { Type } from 'typebox';
import { answerText } from '#api/answers.ts';
import { isNotModified } from '#api/files/conditions.ts';
import { fileParams, oneOf } from '#api/files/file-schemas.ts';
import { findFile } from '#api/files/find-file.ts';
import { attributesEtag, filesPath } from '#api/files/present-file.ts';
import { declareRoute } from '#api/route.ts';
import type { AttributesCodec } from '#domain/attributes/attributes-codec.ts';
import type { SchemaVersion } from '#domain/attributes/attributes-types.ts';
import { attributesVersions } from '#domain/attributes/versions.ts';
import { DomainError, isDomainError } from '#domain/errors.ts';
import type { StorageLocation } from '#domain/ports/object-store.ts';
import { requireModePermits } from '#domain/storage-mode/storage-mode.ts';

export const getAttributes = declareRoute({
  method: 'GET',
  path: `${filesPath}/{file_id}/attributes`,
  name: 'getAttributes',
  summary: 'The sidecar of a file, byte for byte as it stands on its element',
  tag: 'files',
  policy: { action: 'files.read' },
  params: fileParams,
  paramsFault: 'FILE_NOT_FOUND',
  query: Type.Object(
    {
      schema_version: Type.Optional(oneOf(attributesVersions.names)),
    },
    { additionalProperties: false },
  ),
  answers: {
    200: {
      description: 'The sidecar, or the same attributes in the form that was asked for',
      content: { 'application/json': Type.Record(Type.String(), Type.Unknown()) },
      headers: {
        ETag: 'SHA-256 of the sidecar (of a converted form: with its version)',
        'ArtStore-Dropped': 'What the form of an older version cannot carry',
      },
    },
    304: { description: 'Not modified' },
  },
  errors: [
    'FILE_NOT_FOUND',
    'FILE_DELETED',
    'SIDECAR_CORRUPT',
    'CONTENT_MISSING',
    'MODE_FORBIDS_OPERATION',
    'ELEMENT_UNAVAILABLE',
    'CATALOGUE_UNAVAILABLE',
  ],
  steps: [
    async (call) => {
      const { services, params, query, context } = call;
      const { row } = await findFile(call, params.file_id);
      requireModePermits(row.elementMode, 'read-attributes');
      const etag = etagOf(row.sidecarDigest, query.schema_version);
      context.set('ETag', etag);
      context.set('Cache-Control', 'private, no-cache');
      if (isNotModified(context.req.headers, { etag, lastModifiedMs: null })) {
        context.status = 304;
        return;
      }
      const element = await services.ports.elementAccess.openElement(row.elementId);
      const bytes = await element.readSidecar(row);
      const { text, dropped } = convert(services.ports.codec, {
        bytes,
        row,
        version: query.schema_version,
      });
      if (dropped.length > 0) context.set('ArtStore-Dropped', dropped.join(', '));
      answerText(context, 200, { text, contentType: 'application/json' });
    },
  ],
});

/** Another form has another tag: it is not what `If-Match` of a change must name. */
function etagOf(sidecarDigest: string, version: SchemaVersion | undefined): string {
  return version === undefined
    ? attributesEtag(sidecarDigest)
    : `"${sidecarDigest};schema_version=${version}"`;
}

interface Conversion {
  readonly bytes: Uint8Array;
  readonly row: StorageLocation & { readonly sidecarDigest: string };
  readonly version: SchemaVersion | undefined;
}

/** What does not have the digest of the catalogue was changed from outside: it is shown to nobody. */
function convert(codec: AttributesCodec, { bytes, row, version }: Conversion) {
  const parsed = parse(codec, bytes, row);
  if (parsed.digest !== row.sidecarDigest) throw corrupt();
  const { first, newest } = attributesVersions;
  // A document of the oldest version may carry more than that version knows.
  const isAsItStands = version === parsed.sourceVersion && version !== first.version;
  if (version === undefined || isAsItStands) return { text: Buffer.from(bytes), dropped: [] };
  if (version === newest.version) {
    return { text: JSON.stringify(parsed.attributes), dropped: [] };
  }
  const { document, dropped } = codec.toVersion(parsed.attributes, version);
  return { text: JSON.stringify(document), dropped };
}

function parse(codec: AttributesCodec, bytes: Uint8Array, row: StorageLocation) {
  try {
    return codec.parseSidecar(bytes, row);
  } catch (cause) {
    if (!isDomainError(cause)) throw cause;
    throw corrupt(cause);
  }
}

function corrupt(cause?: unknown): DomainError {
  return new DomainError(
    'SIDECAR_CORRUPT',
    'The sidecar on the element is not the one that the catalogue knows.',
    { cause },
  );
}
