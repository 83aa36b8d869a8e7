import { Context } from '@temporalio/activity';
import { DomainError } from '#domain/errors.ts';
import type { ElementId, GroupId } from '#domain/ids.ts';
import type { ElementLock } from '#domain/ports/element-lock.ts';
import type { ElementAccess, ElementWriter } from '#domain/ports/object-store.ts';
import type { UploadRegistry } from '#domain/ports/upload-registry.ts';
import type { FileOutcome, StagedUpload, UploadFailure } from '#domain/uploads.ts';
import type { GroupTurns } from './group-turns.ts';

export interface ElementPorts {
  readonly elementId: ElementId;
  readonly elements: ElementAccess;
  /** The right of this process to change the element's visible tree. */
  readonly lock: Pick<ElementLock, 'isHeld'>;
  readonly turns: GroupTurns;
}

export interface GroupPorts extends ElementPorts {
  readonly registry: Pick<UploadRegistry, 'findGroup'>;
}

/** @throws ELEMENT_UNAVAILABLE when this process has lost the right to write, or never had it. */
export function requireLock(ports: Pick<ElementPorts, 'lock'>): void {
  if (ports.lock.isHeld()) return;
  throw new DomainError('ELEMENT_UNAVAILABLE', 'Another process has the right to change this.');
}

/**
 * A step that changes the element for a group, or decides by what it finds there: alone in its
 * group, with the group's rows as they are now, and only with the lock.
 */
export function changeGroup<Result>(
  ports: GroupPorts,
  groupId: GroupId,
  step: (element: ElementWriter, uploads: readonly StagedUpload[]) => Promise<Result>,
): Promise<Result> {
  return ports.turns.take(groupId, Context.current().cancellationSignal, async () => {
    const element = await ports.elements.openElement(ports.elementId);
    const uploads = await ports.registry.findGroup(groupId);
    requireLock(ports);
    return step(element, uploads);
  });
}

/** The sidecar is the truth: a file whose sidecar stands exists, any other has failed. */
export async function decideOutcomes(
  element: ElementWriter,
  uploads: readonly StagedUpload[],
  failure: UploadFailure,
): Promise<FileOutcome[]> {
  const outcomes: FileOutcome[] = [];
  for (const upload of uploads) {
    const { fileId } = upload;
    const isStored = await element.hasSidecar(upload, upload.sidecarDigest);
    outcomes.push(isStored ? { fileId, ok: true } : { fileId, ok: false, ...failure });
  }
  return outcomes;
}
