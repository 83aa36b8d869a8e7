import { Type } from 'typebox';
import { filesPath } from '#api/files/present-file.ts';
import { readJsonBody } from '#api/json-body.ts';
import { operationSchema } from '#api/operations/operation-schemas.ts';
import { idempotencyErrors, idempotencyHeaders, startOnce } from '#api/operations/start-once.ts';
import { requireWorkflows } from '#api/require-workflows.ts';
import { callerOf, declareRoute } from '#api/route.ts';
import { requireNoFaults } from '#api/validation.ts';
import type { Fault } from '#domain/errors.ts';
import { parseFileId, type FileId } from '#domain/ids.ts';
import type { JsonValue } from '#domain/json.ts';
import { pointerTo } from '#domain/json-pointer.ts';
import { limits } from '#domain/limits.ts';
import { isJsonObject } from '#domain/strict-json.ts';

export const batchDeleteFiles = declareRoute({
  method: 'POST',
  path: `${filesPath}/batch-delete`,
  name: 'batchDeleteFiles',
  summary: 'Delete several files as one operation with an outcome per file',
  tag: 'files',
  policy: { action: 'files.delete' },
  headers: idempotencyHeaders,
  body: {
    description: `At most ${limits.batchFiles} files, each once.`,
    maxBytes: limits.jsonBodyBytes,
    content: {
      'application/json': Type.Object(
        {
          file_ids: Type.Array(Type.String({ format: 'uuid' }), {
            minItems: 1,
            maxItems: limits.batchFiles,
            uniqueItems: true,
          }),
        },
        { additionalProperties: false },
      ),
    },
  },
  answers: {
    202: {
      description: 'Started; what became of each file stands in the result of the operation',
      content: { 'application/json': operationSchema },
      headers: { Location: 'The operation' },
    },
  },
  errors: [
    'REQUEST_MALFORMED',
    'BODY_INCOMPLETE',
    'REQUEST_INVALID',
    ...idempotencyErrors,
    'BODY_TOO_LARGE',
    'MEDIA_TYPE_UNSUPPORTED',
    'SENDER_TOO_SLOW',
    'CATALOGUE_UNAVAILABLE',
    'WORKFLOWS_UNAVAILABLE',
  ],
  steps: [
    async (call) => {
      const { ports, settings } = call.services;
      requireWorkflows(call.services);
      const fileIds = readFileIds(await readJsonBody(call, { maxBytes: limits.jsonBodyBytes }));
      const { accountId } = callerOf(call);
      await startOnce(call, {
        kind: 'batchDelete',
        subject: (id) => ({ type: 'batch', id }),
        request: { file_ids: fileIds },
        start: (operationId) =>
          ports.lifecycle.deleteFiles({
            operationId,
            fileIds,
            startedBy: accountId,
            onlyCreatedBy: call.reach === 'all' ? null : accountId,
            graceMs: settings.deletionGraceMs,
          }),
      });
    },
  ],
});

/** @throws REQUEST_INVALID with every fault */
function readFileIds(body: JsonValue): readonly FileId[] {
  const faults: Fault[] = [];
  const members = isJsonObject(body) ? body : {};
  if (!isJsonObject(body)) faults.push({ pointer: '', message: 'must be an object' });
  for (const name of Object.keys(members).filter((key) => key !== 'file_ids')) {
    const pointer = pointerTo('', name);
    faults.push({ pointer, message: 'is not a member of this request' });
  }
  const fileIds = isJsonObject(body) ? checkFileIds(members['file_ids'], faults) : [];
  requireNoFaults(faults);
  return fileIds;
}

function checkFileIds(sent: JsonValue | undefined, faults: Fault[]): readonly FileId[] {
  const pointer = '/file_ids';
  if (!Array.isArray(sent)) {
    faults.push({ pointer, message: sent === undefined ? 'is required' : 'must be an array' });
    return [];
  }
  const items = sent as readonly JsonValue[];
  if (items.length === 0 || items.length > limits.batchFiles) {
    faults.push({ pointer, message: `must have 1 to ${limits.batchFiles} items` });
    return [];
  }
  const fileIds = new Set<FileId>();
  for (const [index, item] of items.entries()) {
    const fileId = typeof item === 'string' ? parseFileId(item) : null;
    if (fileId === null) faults.push({ pointer: `${pointer}/${index}`, message: 'must be a UUID' });
    else if (fileIds.has(fileId)) {
      faults.push({ pointer: `${pointer}/${index}`, message: 'stands there twice' });
    } else fileIds.add(fileId);
  }
  return [...fileIds];
}
