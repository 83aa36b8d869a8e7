import type { Logger } from 'pino';
import { createAdmission } from '#api/admission.ts';
import type { ApiSettings } from '#api/dependencies.ts';
import type { FileId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { UploadRegistry } from '#domain/ports/upload-registry.ts';

export interface ReceivingUploads {
  /** Takes a place among the uploads under way. @throws TOO_MANY_UPLOADS */
  admit(): Disposable;
  /** Keeps the upload's lease alive until it is disposed of. */
  hold(fileId: FileId): Disposable;
  readonly admitted: number;
  stop(): void;
}

export function createReceivingUploads(
  registry: Pick<UploadRegistry, 'renewLeases'>,
  { settings, logger }: { readonly settings: ApiSettings; readonly logger: Logger },
): ReceivingUploads {
  const held = new Set<FileId>();
  const admission = createAdmission(limits.admittedUploads, {
    code: 'TOO_MANY_UPLOADS',
    detail: 'Too many uploads are under way; send it again.',
  });

  async function renew(): Promise<void> {
    if (held.size === 0) return;
    try {
      await registry.renewLeases(settings.instanceName, [...held]);
    } catch (error) {
      // A lease that ends is noticed when the upload is staged: nothing is lost by going on.
      logger.warn({ err: error, uploads: held.size }, 'leases of uploads could not be renewed');
    }
  }
  const timer = setInterval(() => void renew(), limits.uploadLeaseRenewMs).unref();

  return {
    admit: () => admission.admit(),
    hold(fileId) {
      held.add(fileId);
      return { [Symbol.dispose]: () => void held.delete(fileId) };
    },
    get admitted() {
      return admission.admitted;
    },
    stop: () => clearInterval(timer),
  };
}
