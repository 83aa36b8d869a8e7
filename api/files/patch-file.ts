import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import { answerJson } from '#api/answers.ts';
import { requireMatch } from '#api/files/conditions.ts';
import { fileParams, filePatchSchema, fileSchema } from '#api/files/file-schemas.ts';
import { findFileToChange, type FoundFile } from '#api/files/find-file.ts';
import { attributesEtag, filesPath, presentFile } from '#api/files/present-file.ts';
import { readJsonBody } from '#api/json-body.ts';
import { requireFitting } from '#api/templates/require-fitting.ts';
import { answerAccepted } from '#api/operations/answer-accepted.ts';
import { operationSchema } from '#api/operations/operation-schemas.ts';
import { requireWorkflows } from '#api/require-workflows.ts';
import { callerOf, declareRoute, type Call } from '#api/route.ts';
import type { Attributes } from '#domain/attributes/attributes-types.ts';
import { extensionsOf } from '#domain/attributes/extensions.ts';
import { patchAttributes } from '#domain/attributes/patch-attributes.ts';
import { encodePatchedSidecar } from '#domain/attributes/patched-sidecar.ts';
import { DomainError, isDomainError } from '#domain/errors.ts';
import type { OperationId } from '#domain/ids.ts';
import { instantFromMillis } from '#domain/instant.ts';
import type { JsonValue } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import type { AttributesChange, ChangeOutcome } from '#domain/ports/file-lifecycle.ts';
import type { TemplateChecker } from '#domain/ports/template-checker.ts';
import type { TemplateId } from '#domain/templates/template-name.ts';
import { requireModePermits } from '#domain/storage-mode/storage-mode.ts';

/** `If-Match: *` takes any state of the file: a change that came in between is no reason to refuse. */
const triesOfAnyState = 3;

const headers = Type.Object({
  // Not required here: what is missing is 428 and not a fault of the request.
  'if-match': Type.Optional(
    Type.String({ description: 'Required. The ETag of the attributes, or *. Strong tags only.' }),
  ),
});

export const patchFile = declareRoute({
  method: 'PATCH',
  path: `${filesPath}/{file_id}`,
  name: 'patchFile',
  summary: 'Change attributes of a file by a JSON merge patch (RFC 7396)',
  tag: 'files',
  policy: { action: 'files.update' },
  params: fileParams,
  paramsFault: 'FILE_NOT_FOUND',
  headers,
  body: {
    description: 'Members that are not named stay as they are; null takes a member away.',
    maxBytes: limits.mergePatchBytes,
    content: {
      'application/merge-patch+json': filePatchSchema,
      'application/json': filePatchSchema,
    },
  },
  answers: {
    200: {
      description: 'The file as it is now; a patch that changes nothing writes nothing',
      content: { 'application/json': fileSchema },
      headers: { ETag: 'Of its attributes, for the next change' },
    },
    202: {
      description: 'Still being changed; the operation tells the end',
      content: { 'application/json': operationSchema },
      headers: { Location: 'The operation' },
    },
  },
  errors: [
    'REQUEST_MALFORMED',
    'BODY_INCOMPLETE',
    'REQUEST_INVALID',
    'ATTRIBUTES_TOO_LARGE',
    'ATTRIBUTES_INVALID',
    'ATTRIBUTES_TEMPLATE_VIOLATED',
    'TEMPLATE_UNREGISTERED',
    'FILE_BUSY',
    'MODE_FORBIDS_OPERATION',
    'OPERATION_CANCELLED',
    'PRECONDITION_FAILED',
    'PRECONDITION_REQUIRED',
    'BODY_TOO_LARGE',
    'MEDIA_TYPE_UNSUPPORTED',
    'SENDER_TOO_SLOW',
    'SIDECAR_CORRUPT',
    'ELEMENT_UNAVAILABLE',
    'CATALOGUE_UNAVAILABLE',
    'WORKFLOWS_UNAVAILABLE',
    'TOO_MANY_CHANGES',
  ],
  steps: [changeAttributes],
});

async function changeAttributes(call: Call<{ file_id: string }>): Promise<void> {
  const ifMatch = requireIfMatch(call);
  requireWorkflows(call.services);
  using _ = call.services.changing.admit();
  const patch = await readJsonBody(call, {
    maxBytes: limits.mergePatchBytes,
    mediaTypes: ['application/merge-patch+json', 'application/json'],
  });
  const isAnyState = ifMatch.trim() === '*';
  for (let tries = isAnyState ? triesOfAnyState : 1; ; tries -= 1) {
    const file = await findFileToChange(call.services, call.params.file_id);
    requireMatch(ifMatch, attributesEtag(file.row.sidecarDigest));
    requireModePermits(file.row.elementMode, 'update-attributes');
    const change = await determineChange(call, file, patch);
    if (change === null) return answerFile(call, file, file.row.sidecarDigest);
    const outcome = await call.services.ports.lifecycle.updateAttributes(change);
    const isOvertaken = outcome.kind === 'failed' && outcome.failure.code === 'PRECONDITION_FAILED';
    if (!isOvertaken || tries <= 1) return answerOutcome(call, { file, change, outcome });
  }
}

function requireIfMatch({ context }: Call): string {
  const ifMatch = context.req.headers['if-match'];
  if (ifMatch !== undefined) return ifMatch;
  throw new DomainError(
    'PRECONDITION_REQUIRED',
    'Send If-Match with the ETag of the attributes that the change was made from.',
  );
}

/** The new sidecar to the byte: a repeated step writes the same. Null: there is nothing to write. */
async function determineChange(
  call: Call,
  { row, attributes }: FoundFile,
  patch: JsonValue,
): Promise<AttributesChange | null> {
  const patched = patchAttributes(attributes, patch, instantFromMillis(Date.now()));
  if (patched.kind === 'unchanged') return null;
  const { codec, templateChecker } = call.services.ports;
  const sidecar = encodePatchedSidecar(codec, patched);
  // A template that no longer fits what is there does not stand in the way of other changes.
  if (patched.changesCustomAttributes) await requireTemplate(templateChecker, patched.attributes);
  return {
    operationId: randomUUID() as string as OperationId,
    fileId: row.fileId,
    elementId: row.elementId,
    startedBy: callerOf(call).accountId,
    expectedDigest: row.sidecarDigest,
    sidecar: sidecar.text,
    sidecarDigest: sidecar.digest,
  };
}

/** The version that the file was checked against once is the one that it is checked against. */
async function requireTemplate(checker: TemplateChecker, attributes: Attributes): Promise<void> {
  const { template } = extensionsOf(attributes);
  if (template === null) return;
  try {
    await requireFitting(checker, template as TemplateId, attributes.custom_attributes);
  } catch (cause) {
    if (!isDomainError(cause, 'TEMPLATE_NOT_FOUND')) throw cause;
    throw new DomainError(
      'TEMPLATE_UNREGISTERED',
      `The custom attributes cannot be changed: the template ${template} of this file is not registered.`,
      { cause },
    );
  }
}

interface Changed {
  readonly file: FoundFile;
  readonly change: AttributesChange;
  readonly outcome: ChangeOutcome;
}

async function answerOutcome(call: Call, { file, change, outcome }: Changed): Promise<void> {
  const { codec } = call.services.ports;
  switch (outcome.kind) {
    case 'changed': {
      const attributes = codec.parseAttributes(change.sidecar);
      return answerFile(call, { ...file, attributes }, change.sidecarDigest);
    }
    case 'failed': {
      const { operationId, failure } = outcome;
      const details = operationId === undefined ? {} : { operationId };
      throw new DomainError(failure.code, failure.detail, { details });
    }
    case 'pending': {
      const subject = { type: 'file', id: change.fileId };
      return answerAccepted(call, { ...change, kind: 'updateAttributes', subject });
    }
  }
}

function answerFile({ context }: Call, { row, attributes }: FoundFile, digest: string): void {
  context.set('ETag', attributesEtag(digest));
  context.set('Cache-Control', 'private, no-cache');
  answerJson(context, 200, presentFile(attributes, row));
}
