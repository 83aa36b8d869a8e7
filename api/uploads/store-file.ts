import { createHash } from 'node:crypto';
import { mediaTypeOf } from '#api/media-type.ts';
import { declaredLength, requireDeclaredLength } from '#api/request-body.ts';
import { callerOf, type Call } from '#api/route.ts';
import {
  determineUpload,
  fingerprintOf,
  requireFittingAttributes,
} from '#api/uploads/determine-upload.ts';
import { parseIdempotencyKey } from '#api/idempotency-key.ts';
import {
  planRawFile,
  receiveForm,
  receiveRawFile,
  type AnnouncedFile,
  type BodySource,
  type ContentSink,
  type PrecheckFile,
  type ReceivedFile,
} from '#api/uploads/receive-body.ts';
import {
  openSession,
  type ExistingUpload,
  type UploadRequest,
  type UploadSession,
} from '#api/uploads/upload-session.ts';
import { createUploadTemplate } from '#api/uploads/upload-template.ts';
import { incompleteBody } from '#api/connections.ts';
import { toDomainError } from '#api/problem-details.ts';
import type { RetentionPolicy } from '#domain/attributes/attributes-types.ts';
import { DomainError } from '#domain/errors.ts';
import type { ElementId, FileId } from '#domain/ids.ts';
import { instantFromMillis } from '#domain/instant.ts';
import { limits } from '#domain/limits.ts';
import type { StagedUpload } from '#domain/uploads.ts';

export type StoredUpload =
  | { readonly kind: 'stored'; readonly upload: StagedUpload }
  | { readonly kind: 'pending'; readonly fileId: FileId };

/** How the body of this request is read, once it is known where its content goes. */
interface BodyPlan {
  readonly policies: readonly RetentionPolicy[];
  receive(sink: ContentSink, precheck: PrecheckFile): Promise<ReceivedFile>;
}

/** Fields, file name and digests of a form are known only while it is read. */
export async function storeFile(call: Call): Promise<StoredUpload> {
  const { services, signal } = call;
  requireStorable(call);
  const request: UploadRequest = {
    services,
    caller: callerOf(call),
    idempotencyKey: parseIdempotencyKey(headerOf(call, 'idempotency-key')),
    declaredSizeBytes: declaredLength(call.context.req),
    signal,
  };
  using _place = services.receiving.admit();
  const plan = planBody(call, request);
  const intake = await openIntake(request, plan.policies);
  // Awaited here: the place among the uploads under way is given up at the end of this function.
  if (intake.kind === 'opened') return await finishSession(request, intake, plan);
  if (intake.kind === 'existing') return await compareWithExisting(intake, plan);
  return intake;
}

/** Everything that refuses an upload whatever it is, before its body is read. */
function requireStorable({ services, context }: Call): void {
  const encoding = context.req.headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new DomainError('MEDIA_TYPE_UNSUPPORTED', 'Send the content without a content coding.');
  }
  const formOverheadBytes = limits.multipartFields * limits.multipartFieldBytes;
  const overhead = isForm(context.req.headers['content-type']) ? formOverheadBytes : 0;
  requireDeclaredLength(context.req, limits.uploadSizeBytes + overhead);
  if (!services.ports.lifecycle.isAvailable()) {
    throw new DomainError('WORKFLOWS_UNAVAILABLE', 'Files cannot be stored now; send it again.');
  }
}

function planBody(call: Call, { caller, services }: UploadRequest): BodyPlan {
  const source: BodySource = call.context;
  const query = call.query as Record<string, string | string[]>;
  if (isForm(call.context.req.headers['content-type'])) {
    requireNoQuery(query);
    return {
      // Which it is stands in the form. No room for either: no need to read it.
      policies: ['temporary', 'permanent'],
      receive: (sink, precheck) => receiveForm(source, sink, precheck),
    };
  }
  const file = planRawFile(call.context.req.headers, query);
  requireFittingAttributes(
    services.ports.codec,
    { fileId: nobody, elementId: nowhere, caller, createdAt: now() },
    { ...file, ...file.fields, template: null },
  );
  return {
    policies: [file.fields.retention.policy],
    async receive(sink, precheck) {
      // The rest was looked at above; only this has to ask somebody.
      if (file.fields.template !== null) {
        await precheck({ ...file, ...file.fields, hasCustomAttributes: true });
      }
      return receiveRawFile(source, file, sink);
    },
  };
}

const nobody = '00000000-0000-0000-0000-000000000000' as FileId;
const nowhere = '' as ElementId;

type Intake = UploadSession | ExistingUpload | { kind: 'pending'; fileId: FileId };

/** A key whose first upload still runs waits for its end, with the body of the second unread. */
async function openIntake(
  request: UploadRequest,
  policies: readonly RetentionPolicy[],
): Promise<Intake> {
  const { lifecycle, uploads } = request.services.ports;
  for (;;) {
    const intake = await openSession(request, policies);
    if (intake.kind === 'opened' || intake.upload.state === 'stored') return intake;
    const { fileId } = intake.upload;
    const outcome = await lifecycle.awaitUpload(fileId);
    if (outcome.kind === 'pending') return { kind: 'pending', fileId };
    const [upload] = await uploads.findUploads([fileId]);
    if (outcome.kind === 'stored' && upload !== undefined) return { kind: 'existing', upload };
    // It failed and did not use up its key: this request takes its place.
    request.signal.throwIfAborted();
  }
}

async function finishSession(
  request: UploadRequest,
  session: UploadSession,
  plan: BodyPlan,
): Promise<StoredUpload> {
  const { services, caller, signal } = request;
  const { codec, lifecycle } = services.ports;
  const identity = { caller, createdAt: now() };
  const template = createUploadTemplate(services.ports);

  async function precheck(known: AnnouncedFile): Promise<void> {
    const id = await template.resolve(known.template);
    requireFittingAttributes(codec, { ...identity, ...idsOf(session) }, { ...known, template: id });
    if (known.hasCustomAttributes) await template.check(known);
  }

  let upload: StagedUpload;
  try {
    const file = await plan.receive(
      {
        take: (content) => session.stage(content),
        settlePolicy: (policy) => session.settlePolicy(policy),
      },
      precheck,
    );
    upload = determineUpload(
      codec,
      { ...idsOf(session), caller, createdAt: now() },
      { ...file, template: await template.check(file.fields) },
    );
  } catch (thrown) {
    const error = signal.aborted ? incompleteBody(thrown) : toDomainError(thrown);
    await session.abandon(error);
    throw error;
  }
  // From here on neither staging nor reservation are ours, whatever comes back.
  session.handOver();
  const outcome = await lifecycle.storeFile(upload);
  if (outcome.kind === 'failed') {
    throw new DomainError(outcome.failure.code, outcome.failure.detail);
  }
  return outcome.kind === 'stored'
    ? { kind: 'stored', upload }
    : { kind: 'pending', fileId: upload.fileId };
}

function idsOf({ fileId, elementId }: UploadSession) {
  return { fileId, elementId };
}

/** The body of a retry is read and hashed, and goes nowhere. */
async function compareWithExisting(
  { upload }: ExistingUpload,
  plan: BodyPlan,
): Promise<StoredUpload> {
  const file = await plan.receive(hashingSink, () => Promise.resolve());
  if (upload.staged === null) throw new Error('a stored upload has no result');
  if (fingerprintOf(file, file.content.checksum) !== upload.staged.fingerprint) {
    throw new DomainError(
      'IDEMPOTENCY_KEY_REUSED',
      'This Idempotency-Key belongs to an upload with other content or other fields.',
    );
  }
  return { kind: 'stored', upload: upload.staged };
}

const hashingSink: ContentSink = {
  settlePolicy: () => Promise.resolve(),
  async take(content) {
    const hash = createHash('sha256');
    let sizeBytes = 0;
    for await (const chunk of content) {
      hash.update(chunk);
      sizeBytes += chunk.length;
    }
    return { sizeBytes, checksum: hash.digest('hex') };
  },
};

function isForm(contentType: string | undefined): boolean {
  return mediaTypeOf(contentType) === 'multipart/form-data';
}

function requireNoQuery(query: Readonly<Record<string, unknown>>): void {
  const faults = Object.keys(query).map((name) => ({
    pointer: `query/${name}`,
    message: 'a form carries its fields in its parts',
  }));
  if (faults.length === 0) return;
  throw new DomainError('REQUEST_INVALID', 'The request is not valid; see the list of faults.', {
    details: { faults },
  });
}

function headerOf(call: Call, name: string): string | undefined {
  const value = call.context.req.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

function now() {
  return instantFromMillis(Date.now());
}
