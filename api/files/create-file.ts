import { answerJson } from '#api/answers.ts';
import { fileSchema, uploadFormSchema, uploadQuery } from '#api/files/file-schemas.ts';
import {
  attributesEtag,
  contentDigestHeader,
  filesPath,
  presentFile,
} from '#api/files/present-file.ts';
import { answerAccepted } from '#api/operations/answer-accepted.ts';
import { operationSchema } from '#api/operations/operation-schemas.ts';
import { declareRoute, type Call } from '#api/route.ts';
import { storeFile } from '#api/uploads/store-file.ts';
import { extensionsOf } from '#domain/attributes/extensions.ts';
import { operationOfUpload } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { StagedUpload } from '#domain/uploads.ts';
import { Type } from 'typebox';

const uploadHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({ description: 'The same key and content give the first answer again.' }),
  ),
  'content-disposition': Type.Optional(Type.String({ description: 'Name of a raw body.' })),
  'repr-digest': Type.Optional(Type.String({ description: 'sha-256=:…: of the content.' })),
  'content-digest': Type.Optional(Type.String({ description: 'sha-256=:…: of the body.' })),
});

export const createFile = declareRoute({
  method: 'POST',
  path: filesPath,
  name: 'createFile',
  summary: 'Store a file',
  tag: 'files',
  policy: { action: 'files.store' },
  query: uploadQuery,
  headers: uploadHeaders,
  body: {
    description: 'A form with the part "file", or the bytes themselves under any other type.',
    maxBytes: limits.uploadSizeBytes,
    content: {
      'multipart/form-data': uploadFormSchema,
      '*/*': Type.String({ format: 'binary' }),
    },
  },
  answers: {
    201: {
      description: 'Stored: bytes and attributes are durable',
      content: { 'application/json': fileSchema },
      headers: {
        Location: 'The file',
        ETag: 'Of its attributes',
        'Repr-Digest': 'SHA-256 of its content (RFC 9530)',
      },
    },
    202: {
      description: 'Still being stored; the operation tells the end',
      content: { 'application/json': operationSchema },
      headers: { Location: 'The operation' },
    },
  },
  errors: [
    'REQUEST_MALFORMED',
    'MULTIPART_MALFORMED',
    'BODY_INCOMPLETE',
    'CHECKSUM_MISMATCH',
    'IDEMPOTENCY_KEY_INVALID',
    'IDEMPOTENCY_KEY_REUSED',
    'REQUEST_INVALID',
    'FEATURE_NOT_AVAILABLE',
    'FILENAME_INVALID',
    'USERNAME_INVALID',
    'ATTRIBUTES_TOO_LARGE',
    'ATTRIBUTES_INVALID',
    'ATTRIBUTES_TEMPLATE_VIOLATED',
    'BODY_TOO_LARGE',
    'MEDIA_TYPE_UNSUPPORTED',
    'SENDER_TOO_SLOW',
    'UPLOAD_NOT_CURRENT',
    'INSUFFICIENT_STORAGE',
    'ELEMENT_UNAVAILABLE',
    'CATALOGUE_UNAVAILABLE',
    'WORKFLOWS_UNAVAILABLE',
    'TOO_MANY_UPLOADS',
  ],
  steps: [
    async (call) => {
      const outcome = await storeFile(call);
      if (outcome.kind === 'stored') answerStored(call, outcome.upload);
      else {
        const operationId = operationOfUpload(outcome.fileId);
        const subject = { type: 'file', id: outcome.fileId };
        await answerAccepted(call, { operationId, kind: 'storeFiles', subject });
      }
    },
  ],
});

/** From what was determined when it was staged: a retry gets the first answer, not the present state. */
function answerStored({ context, services }: Call, upload: StagedUpload): void {
  const attributes = services.ports.codec.parseAttributes(upload.sidecar);
  const file = presentFile(attributes, {
    elementId: upload.elementId,
    elementMode: extensionsOf(attributes).retention?.policy === 'temporary' ? 'edit' : 'rw',
    state: 'stored',
    verifiedAt: null,
  });
  context.set('Location', file.links.self);
  context.set('ETag', attributesEtag(upload.sidecarDigest));
  context.set('Repr-Digest', contentDigestHeader(attributes));
  answerJson(context, 201, file);
}
