import { randomUUID } from 'node:crypto';
import type { ApiServices } from '#api/services.ts';
import { bodyTooLarge } from '#api/request-body.ts';
import type { Caller } from '#domain/access/access.ts';
import type { RetentionPolicy } from '#domain/attributes/attributes-types.ts';
import { isDomainError, type DomainError } from '#domain/errors.ts';
import type { ElementId, FileId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { StagedContent } from '#domain/ports/object-store.ts';
import type { Upload } from '#domain/uploads.ts';

export interface UploadRequest {
  readonly services: ApiServices;
  readonly caller: Caller;
  readonly idempotencyKey: string | null;
  /** Null: unknown. */
  readonly declaredSizeBytes: number | null;
  readonly signal: AbortSignal;
}

/** One upload from its reservation to the moment when its result is determined. */
export interface UploadSession {
  readonly kind: 'opened';
  readonly fileId: FileId;
  readonly elementId: ElementId;
  stage(content: AsyncIterable<Uint8Array>): Promise<StagedContent>;
  /**
   * Says, once known, which policy the reservation must be for. Another one than it was made for
   * leads to another element; content that is already staged moves there.
   */
  settlePolicy(policy: RetentionPolicy): Promise<void>;
  /** Gives room and content back. Whatever fails here is left to the sweep. */
  abandon(reason: DomainError): Promise<void>;
  /** The upload is somebody else's from here on. */
  handOver(): void;
}

export interface ExistingUpload {
  readonly kind: 'existing';
  readonly upload: Upload;
}

interface Place {
  readonly fileId: FileId;
  readonly elementId: ElementId;
  readonly policy: RetentionPolicy;
  readonly lease: Disposable;
  reservedBytes: number;
}

/**
 * Reserves room before a byte of the body is read. Of the policies that are still possible the
 * first that finds room is taken.
 * @throws INSUFFICIENT_STORAGE, ELEMENT_UNAVAILABLE, CATALOGUE_UNAVAILABLE
 */
export async function openSession(
  request: UploadRequest,
  policies: readonly RetentionPolicy[],
): Promise<UploadSession | ExistingUpload> {
  const place = await reserveFirst(request, policies);
  return 'upload' in place ? place : createSession(request, place);
}

async function reserveFirst(
  request: UploadRequest,
  policies: readonly RetentionPolicy[],
): Promise<Place | ExistingUpload> {
  let refusal: unknown;
  for (const policy of policies) {
    try {
      return await reserve(request, policy);
    } catch (error) {
      if (!isDomainError(error, 'INSUFFICIENT_STORAGE', 'ELEMENT_UNAVAILABLE')) throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}

async function reserve(
  request: UploadRequest,
  policy: RetentionPolicy,
): Promise<Place | ExistingUpload> {
  const { services, caller, idempotencyKey, declaredSizeBytes } = request;
  const fileId = randomUUID() as string as FileId;
  const outcome = await services.ports.uploads.openUpload({
    fileId,
    accountId: caller.accountId,
    idempotencyKey,
    retentionPolicy: policy,
    declaredSizeBytes,
    leaseOwner: services.settings.instanceName,
    freeBytes: await services.freeSpace.current(),
  });
  if (outcome.kind === 'existing') return outcome;
  return {
    fileId,
    elementId: outcome.elementId,
    policy,
    lease: services.receiving.hold(fileId),
    reservedBytes: declaredSizeBytes ?? limits.reservationStepBytes,
  };
}

function createSession(request: UploadRequest, first: Place): UploadSession {
  const { services, signal } = request;
  const { uploads, elementAccess } = services.ports;
  let place = first;
  let isStaged = false;

  async function stage(content: AsyncIterable<Uint8Array>): Promise<StagedContent> {
    const element = await elementAccess.openElement(place.elementId);
    const staged = await element.stageContent(place.fileId, content, {
      signal,
      beforeWrite: async (totalBytes) => {
        if (totalBytes > limits.uploadSizeBytes) throw bodyTooLarge(limits.uploadSizeBytes);
        while (totalBytes > place.reservedBytes) {
          await uploads.extendReservation(place.fileId, limits.reservationStepBytes);
          place.reservedBytes += limits.reservationStepBytes;
        }
      },
    });
    isStaged = true;
    return staged;
  }

  /** The key must be free again before it can open another upload. */
  async function giveBack(left: Place, reason: { code: DomainError['code']; detail: string }) {
    left.lease[Symbol.dispose]();
    await uploads.failUploads([left.fileId], ['receiving', 'staged'], reason);
  }

  async function discard(left: Place): Promise<void> {
    const element = await elementAccess.openElement(left.elementId);
    await element.discardStaged(left.fileId);
  }

  return {
    kind: 'opened',
    get fileId() {
      return place.fileId;
    },
    get elementId() {
      return place.elementId;
    },
    stage,
    async settlePolicy(policy) {
      if (policy === place.policy) return;
      const left = place;
      await giveBack(left, {
        code: 'UPLOAD_NOT_CURRENT',
        detail: 'The form named another retention policy; the upload went on under another id.',
      });
      const next = await reserve(request, policy);
      if ('upload' in next) throw new Error('a key that was just given back is taken');
      place = next;
      if (!isStaged) return;
      const element = await elementAccess.openElement(left.elementId);
      await using content = await element.openStaged(left.fileId, { signal });
      await stage(content);
      await discard(left);
    },
    async abandon(reason) {
      try {
        await discard(place);
        await giveBack(place, { code: reason.code, detail: reason.message });
      } catch (error) {
        services.logger.warn(
          { err: error, file_id: place.fileId },
          'an upload could not be given back; the sweep will',
        );
      } finally {
        place.lease[Symbol.dispose]();
      }
    },
    handOver: () => place.lease[Symbol.dispose](),
  };
}
