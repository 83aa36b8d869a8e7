import { DomainError, isDomainError } from '#domain/errors.ts';
import type { ElementId, FileId } from '#domain/ids.ts';
import {
  describeSidecar,
  type MigrationCodec,
  type RewrittenSidecar,
} from '#domain/migrations/rewrite-sidecar.ts';
import type { FileCache } from '#domain/ports/file-cache.ts';
import type { HeldFile, HeldFilter, MigrationFiles } from '#domain/ports/migration-files.ts';
import type { ElementAccess, ElementWriter, ContentStore } from '#domain/ports/object-store.ts';
import type { ElementLock } from '#domain/ports/element-lock.ts';
import { requireLock } from './element-steps.ts';
import { takeTurns } from './file-turns.ts';
import type { GroupTurns } from './group-turns.ts';

export interface MigrationSettlementPorts {
  readonly elementId: ElementId;
  readonly elements: ElementAccess;
  readonly lock: Pick<ElementLock, 'isHeld'>;
  readonly fileTurns: GroupTurns<FileId>;
  readonly files: Pick<MigrationFiles, 'findHeld' | 'settleHeld'>;
  readonly codec: Pick<MigrationCodec, 'parseSidecar' | 'encodeForCatalogue'>;
  readonly cache?: Pick<FileCache, 'invalidateFiles'>;
}

/**
 * Ends the claims of migrations whose workflow is no more. The sidecar is the truth: what was
 * rewritten is carried forward, everything else is as it was before.
 * @returns how many claims were ended
 */
export async function settleHeldFiles(
  ports: MigrationSettlementPorts,
  filter: HeldFilter,
  signal: AbortSignal,
): Promise<number> {
  let settledCount = 0;
  for (;;) {
    signal.throwIfAborted();
    const found = await ports.files.findHeld(ports.elementId, filter);
    if (found.length === 0) return settledCount;
    const keys = found.map(({ fileId }) => fileId);
    await takeTurns(ports.fileTurns, { keys, signal }, () => settle(ports, filter, keys));
    settledCount += found.length;
  }
}

/** Looked at again with the turns: whoever worked on it has ended by then. */
async function settle(
  ports: MigrationSettlementPorts,
  filter: HeldFilter,
  fileIds: readonly FileId[],
): Promise<void> {
  const known = new Set(fileIds);
  const found = await ports.files.findHeld(ports.elementId, filter);
  const held = found.filter(({ fileId }) => known.has(fileId));
  const element = await ports.elements.openElement(ports.elementId);
  const rewritten: { fileId: FileId; sidecar: RewrittenSidecar }[] = [];
  for (const file of held) {
    const sidecar = await findRewritten(ports, element, file);
    if (sidecar === null) continue;
    requireLock(ports);
    await makeDurable(element, file, sidecar);
    rewritten.push({ fileId: file.fileId, sidecar });
  }
  requireLock(ports);
  await ports.files.settleHeld(held, rewritten);
  await ports.cache?.invalidateFiles(held.map(({ fileId }) => fileId));
}

/** @returns null when the sidecar is not the one that the run would have written */
async function findRewritten(
  { codec }: MigrationSettlementPorts,
  element: ContentStore,
  file: HeldFile,
): Promise<RewrittenSidecar | null> {
  const { kept } = file;
  if (kept === null) return null;
  const wanted = file.work === 'migrate' ? kept.migratedDigest : kept.originalDigest;
  try {
    const bytes = await element.readSidecar(file);
    const found = codec.parseSidecar(bytes, file);
    if (found.digest !== wanted) return null;
    return describeSidecar(codec, { found, bytes, dialect: found.dialect });
  } catch (error) {
    // Damage is not ours to mend here; the claim must not stay for ever because of it.
    if (!isDomainError(error) || error.kind === 'unavailable') throw error;
    return null;
  }
}

/** Whoever renamed it may have died before the fsync of its directory. */
async function makeDurable(
  element: ElementWriter,
  file: HeldFile,
  sidecar: RewrittenSidecar,
): Promise<void> {
  const { fileId, storagePath, storageFilename, sidecarDigest: expectedDigest } = file;
  const [outcome] = await element.writeSidecars([
    { fileId, storagePath, storageFilename, sidecar: sidecar.text, expectedDigest },
  ]);
  if (outcome?.ok === false) throw new DomainError(outcome.code, outcome.detail);
}
