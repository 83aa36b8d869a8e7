import { randomUUID } from 'node:crypto';
import { createBatcher, type Batcher, type Settled } from '#domain/batcher.ts';
import { DomainError } from '#domain/errors.ts';
import type { ElementId, FileId, GroupId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { FileLifecycle, StoreOutcome } from '#domain/ports/file-lifecycle.ts';
import type { UploadRegistry } from '#domain/ports/upload-registry.ts';
import type { StagedUpload, Upload, UploadFailure, UploadState } from '#domain/uploads.ts';
import type { StoreFilesResult } from '#workflows/messages.ts';
import { createGroupSender, type GroupSender } from './group-sender.ts';
import type { TemporalAvailability } from './temporal-availability.ts';
import type { TemporalConnection } from './temporal-connection.ts';
import { createUploadWatcher } from './upload-watcher.ts';

type Registry = Pick<UploadRegistry, 'stageUploads' | 'failUploads' | 'findUploads'>;

/** An upload on its way into a group. */
interface Handover {
  readonly upload: StagedUpload;
  isTaken: boolean;
  /** Its caller has gone with a definite answer: no group may take it. */
  isGivenUp: boolean;
}

/** What a group says about one of its uploads; null: only its row knows, if anybody. */
type GroupAnswer = StoreOutcome | null;

const notHandedOver: UploadFailure = {
  code: 'WORKFLOWS_UNAVAILABLE',
  detail: 'The file could not be handed over; nothing of it was stored.',
};

/**
 * Group commit: uploads that are staged while a group of their element is being committed form
 * the next one. Each group is one workflow and one call to Temporal.
 */
export function createUploadLifecycle(options: {
  readonly connection: TemporalConnection;
  readonly registry: Registry;
  readonly availability: Pick<TemporalAvailability, 'report'>;
}): Pick<FileLifecycle, 'storeFile' | 'awaitUpload'> {
  const { connection, registry, availability } = options;
  const sender = createGroupSender(connection.client, availability);
  const watcher = createUploadWatcher(registry);
  const batchers = new Map<ElementId, Batcher<Handover, GroupAnswer>>();

  function batcherOf(elementId: ElementId): Batcher<Handover, GroupAnswer> {
    const known = batchers.get(elementId);
    if (known !== undefined) return known;
    const batcher = createBatcher<Handover, GroupAnswer>({
      maxItems: limits.groupFiles,
      maxInFlight: (waiting) => (waiting > limits.groupFiles ? 2 : 1),
      run: (handovers) => commitGroup({ registry, sender }, elementId, handovers),
    });
    batchers.set(elementId, batcher);
    return batcher;
  }

  async function awaitRow(fileId: FileId, deadlineAt: number): Promise<StoreOutcome> {
    return presentRow(await watcher.waitForEnd(fileId, deadlineAt));
  }

  return {
    async storeFile(upload) {
      const deadlineAt = Date.now() + limits.storeDeadlineMs;
      const handover: Handover = { upload, isTaken: false, isGivenUp: false };
      const answer = await beforeDeadline(batcherOf(upload.elementId).add(handover));
      if (answer !== 'deadline' && answer !== null) return throwUndone(answer);
      if (answer === null) {
        const outcome = await awaitRow(upload.fileId, deadlineAt);
        if (outcome.kind !== 'pending') return throwUndone(outcome);
      }
      handover.isGivenUp = !handover.isTaken;
      return decideAtDeadline(registry, handover);
    },
    awaitUpload: (fileId) => awaitRow(fileId, Date.now() + limits.storeDeadlineMs),
  };
}

/** A plain timer: an abortable one makes an error, with its stack, for every upload. */
async function beforeDeadline<Result>(work: Promise<Result>): Promise<Result | 'deadline'> {
  const { promise: deadline, resolve: pass } = Promise.withResolvers<'deadline'>();
  const timer = setTimeout(() => pass('deadline'), limits.storeDeadlineMs).unref();
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}

interface GroupParts {
  readonly registry: Registry;
  readonly sender: GroupSender;
}

async function commitGroup(
  { registry, sender }: GroupParts,
  elementId: ElementId,
  handovers: readonly Handover[],
): Promise<Settled<GroupAnswer>[]> {
  const taken = handovers.filter((handover) => !handover.isGivenUp);
  for (const handover of taken) handover.isTaken = true;
  const uploads = taken.map(({ upload }) => upload);
  const answers = new Map<FileId, GroupAnswer>();
  const fileIds = await stageAll(registry, uploads, answers);
  if (fileIds.length > 0) {
    const input = { groupId: randomUUID() as string as GroupId, fileIds };
    const result = await sender.sendGroup(elementId, input);
    if (result !== null && isComplete(result, fileIds)) readResult(result, fileIds, answers);
    else await takeBack(registry, fileIds, answers);
  }
  // Whoever is in no list has an answer by its row, or gave up before the group was formed.
  return handovers.map(({ upload }) => ({ ok: true, value: answers.get(upload.fileId) ?? null }));
}

/** @returns the ids that are staged now; the others get their answer by their rows. */
async function stageAll(
  registry: Registry,
  uploads: readonly StagedUpload[],
  answers: Map<FileId, GroupAnswer>,
): Promise<FileId[]> {
  if (uploads.length === 0) return [];
  const staged = new Set(await registry.stageUploads(uploads));
  const others = uploads.map(({ fileId }) => fileId).filter((fileId) => !staged.has(fileId));
  if (others.length > 0) {
    const rows = new Map((await registry.findUploads(others)).map((row) => [row.fileId, row]));
    for (const fileId of others) {
      const row = rows.get(fileId);
      // An earlier try that was believed to have failed: nobody else hands this upload over.
      if (row?.state === 'staged') staged.add(fileId);
      else if (row === undefined || isFinished(row.state)) {
        answers.set(fileId, presentRow(row ?? 'missing'));
      }
    }
  }
  return uploads.map(({ fileId }) => fileId).filter((fileId) => staged.has(fileId));
}

/** The result names failures only: that the rest was stored must follow from its count. */
function isComplete(result: StoreFilesResult, fileIds: readonly FileId[]): boolean {
  const { storedCount, failures, notClaimed } = result;
  return storedCount + failures.length + notClaimed.length === fileIds.length;
}

function readResult(
  result: StoreFilesResult,
  fileIds: readonly FileId[],
  answers: Map<FileId, GroupAnswer>,
): void {
  for (const fileId of fileIds) answers.set(fileId, { kind: 'stored' });
  for (const { fileId, code, detail } of result.failures) {
    answers.set(fileId, { kind: 'failed', failure: { code, detail } });
  }
  for (const fileId of result.notClaimed) answers.set(fileId, null);
}

/**
 * The outcome of the start is not known. What no workflow has claimed by now is taken away from
 * it, by the same compare-and-set with which it would claim: that makes the answer definite.
 */
async function takeBack(
  registry: Registry,
  fileIds: readonly FileId[],
  answers: Map<FileId, GroupAnswer>,
): Promise<void> {
  try {
    const undone = await registry.failUploads(fileIds, ['staged'], notHandedOver);
    for (const fileId of undone) answers.set(fileId, { kind: 'failed', failure: notHandedOver });
  } catch {
    // Without the catalogue nothing is definite; each caller asks its row until its deadline.
  }
}

/** @throws WORKFLOWS_UNAVAILABLE when nothing was committed and nothing will be. */
async function decideAtDeadline(registry: Registry, handover: Handover): Promise<StoreOutcome> {
  const { fileId } = handover.upload;
  // Not even staged when no group took it. Once taken, the group stages it, and may still do so.
  const from: UploadState[] = handover.isGivenUp ? ['receiving', 'staged'] : ['staged'];
  try {
    const undone = await registry.failUploads([fileId], from, notHandedOver);
    if (undone.has(fileId)) {
      return throwUndone({ kind: 'failed', failure: notHandedOver });
    }
    const [row] = await registry.findUploads([fileId]);
    return row === undefined || isFinished(row.state)
      ? presentRow(row ?? 'missing')
      : { kind: 'pending' };
  } catch (error) {
    if (error instanceof DomainError && error.code === notHandedOver.code) throw error;
    return { kind: 'pending' };
  }
}

function throwUndone(outcome: StoreOutcome): StoreOutcome {
  if (outcome.kind !== 'failed' || outcome.failure !== notHandedOver) return outcome;
  throw new DomainError(notHandedOver.code, notHandedOver.detail);
}

function presentRow(row: Upload | 'missing' | null): StoreOutcome {
  if (row === null) return { kind: 'pending' };
  if (row === 'missing' || row.state !== 'stored') {
    const failure = row === 'missing' ? null : row.failure;
    return { kind: 'failed', failure: failure ?? noLongerCurrent };
  }
  return { kind: 'stored' };
}

const noLongerCurrent: UploadFailure = {
  code: 'UPLOAD_NOT_CURRENT',
  detail: 'The upload was given up before it could be committed.',
};

function isFinished(state: UploadState): boolean {
  return state === 'stored' || state === 'failed';
}
