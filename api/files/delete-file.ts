import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import { requireMatch } from '#api/files/conditions.ts';
import { fileParams } from '#api/files/file-schemas.ts';
import { notFound } from '#api/files/find-file.ts';
import { attributesEtag, filesPath } from '#api/files/present-file.ts';
import { answerAccepted } from '#api/operations/answer-accepted.ts';
import { operationSchema } from '#api/operations/operation-schemas.ts';
import { requireWorkflows } from '#api/require-workflows.ts';
import { callerOf, declareRoute, type Call } from '#api/route.ts';
import { DomainError } from '#domain/errors.ts';
import { parseFileId, type FileId, type OperationId } from '#domain/ids.ts';
import type { CatalogueFile } from '#domain/ports/file-catalogue.ts';
import { requireModePermits } from '#domain/storage-mode/storage-mode.ts';

export const deleteFile = declareRoute({
  method: 'DELETE',
  path: `${filesPath}/{file_id}`,
  name: 'deleteFile',
  summary: 'Delete a file: readers no longer find it, the operation tells when its bytes are gone',
  tag: 'files',
  policy: { action: 'files.delete' },
  params: fileParams,
  paramsFault: 'FILE_NOT_FOUND',
  headers: Type.Object({
    'if-match': Type.Optional(Type.String({ description: 'The ETag of the attributes, or *.' })),
  }),
  answers: {
    202: {
      description: 'Deleted for readers. While it runs, the same request gets the same operation',
      content: { 'application/json': operationSchema },
      headers: { Location: 'The operation' },
    },
  },
  errors: [
    'FILE_NOT_FOUND',
    'FILE_BUSY',
    'MODE_FORBIDS_OPERATION',
    'RETENTION_FORBIDS_DELETION',
    'PRECONDITION_FAILED',
    'ELEMENT_UNAVAILABLE',
    'CATALOGUE_UNAVAILABLE',
    'WORKFLOWS_UNAVAILABLE',
    'TOO_MANY_CHANGES',
  ],
  steps: [
    async (call) => {
      requireWorkflows(call.services);
      using _ = call.services.changing.admit();
      const fileId = parseFileId(call.params.file_id);
      if (fileId === null) throw notFound();
      const row = await call.services.ports.catalogue.findFile(fileId);
      const operationId =
        row === null ? await findRunningDeletion(call, fileId) : await startDeletion(call, row);
      const subject = { type: 'file', id: fileId };
      await answerAccepted(call, { operationId, kind: 'deleteFile', subject });
    },
  ],
});

async function startDeletion(call: Call, row: CatalogueFile): Promise<OperationId> {
  const { ports, settings } = call.services;
  requireOwn(call, ports.codec.parseAttributes(row.attributes).created_by_id);
  const ifMatch = call.context.req.headers['if-match'];
  requireMatch(ifMatch, attributesEtag(row.sidecarDigest));
  requireModePermits(row.elementMode, 'delete');
  const isAnyState = (ifMatch ?? '*').trim() === '*';
  return ports.lifecycle.deleteFile({
    operationId: randomUUID() as string as OperationId,
    fileId: row.fileId,
    elementId: row.elementId,
    startedBy: callerOf(call).accountId,
    expectedDigest: isAnyState ? null : row.sidecarDigest,
    graceMs: settings.deletionGraceMs,
  });
}

/** The file may be read by all, so its existence is no secret: 403, not 404. */
function requireOwn(call: Call, createdById: string | null): void {
  if (call.reach === 'all' || createdById === callerOf(call).accountId) return;
  throw new DomainError('FORBIDDEN', 'Of the files of others this account may delete none.');
}

/** @throws FILE_NOT_FOUND when there is none, or none that the caller may see. */
async function findRunningDeletion(call: Call, fileId: FileId): Promise<OperationId> {
  const { operations } = call.services.ports;
  const filters = { kind: 'deleteFile', subjectId: fileId };
  const page = await operations.listOperations({ filters, limit: 1, after: null });
  const [newest] = page.operations;
  const isVisible = call.reach === 'all' || newest?.startedBy === callerOf(call).accountId;
  if (newest === undefined || newest.finishedAt !== null || !isVisible) throw notFound();
  return newest.operationId;
}
