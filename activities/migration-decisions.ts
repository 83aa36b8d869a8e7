import { isDomainError, type DomainError } from '#domain/errors.ts';
import type { FileId } from '#domain/ids.ts';
import {
  migrateSidecar,
  revertSidecar,
  type MigrationCodec,
  type MigrationRules,
  type RewrittenSidecar,
} from '#domain/migrations/rewrite-sidecar.ts';
import type { MigrationFile, ShardWork } from '#domain/ports/migration-files.ts';
import type { ContentStore } from '#domain/ports/object-store.ts';
import type { OperationFailure } from '#domain/ports/operation-failures.ts';

export interface FileRewrite {
  readonly file: MigrationFile;
  /** What stands on the element now. */
  readonly bytes: Uint8Array;
  readonly sidecar: RewrittenSidecar;
}

/** What is to become of the files of a chunk. */
export interface Decisions {
  readonly rewrites: readonly FileRewrite[];
  readonly failures: readonly OperationFailure[];
}

export interface DecisionParts {
  readonly codec: MigrationCodec;
  readonly element: Pick<ContentStore, 'readSidecar'>;
  readonly work: ShardWork;
  readonly rules: MigrationRules;
}

/** Sidecars that are read at once: as many as Node is given threads for them. */
const parallelReads = 16;

/**
 * Reads the sidecars and decides in memory.
 * @throws ELEMENT_UNAVAILABLE, CATALOGUE_UNAVAILABLE, TEMPLATE_NOT_FOUND: no fault of a file
 */
export async function decideFiles(
  parts: DecisionParts,
  files: readonly MigrationFile[],
): Promise<Decisions> {
  const rewrites: FileRewrite[] = [];
  const failures: OperationFailure[] = [];
  const faults: unknown[] = [];
  const queue = files.values();

  async function decideSome(): Promise<void> {
    for (const file of queue) {
      if (faults.length > 0) return;
      try {
        const bytes = await parts.element.readSidecar(file);
        rewrites.push({ file, bytes, sidecar: await rewrite(parts, file, bytes) });
      } catch (error) {
        if (isOfFile(error)) failures.push(describeFailure(parts.work, file, error));
        else faults.push(error);
      }
    }
  }

  const width = Math.min(parallelReads, files.length);
  await Promise.all(Array.from({ length: width }, decideSome));
  if (faults.length > 0) throw faults[0];
  return { rewrites, failures };
}

function rewrite(
  { codec, work, rules }: DecisionParts,
  file: MigrationFile,
  bytes: Uint8Array,
): Promise<RewrittenSidecar> | RewrittenSidecar {
  return work.run.work === 'migrate'
    ? migrateSidecar(codec, rules, { file, bytes })
    : revertSidecar(codec, { file, bytes });
}

function isOfFile(error: unknown): error is DomainError {
  return (
    isDomainError(error) && error.kind !== 'unavailable' && error.code !== 'TEMPLATE_NOT_FOUND'
  );
}

export function describeFailure(
  { shard }: ShardWork,
  file: MigrationFile,
  { code, message: detail }: Pick<DomainError, 'code' | 'message'>,
): OperationFailure {
  const { fileId } = file;
  return {
    key: fileId,
    fileId,
    elementId: shard.elementId,
    path: `${file.storagePath}${file.storageFilename}`,
    ...(code === 'CONTENT_MISSING' ? sidecarMissing : { code, detail }),
  };
}

const sidecarMissing = {
  code: 'SIDECAR_MISSING',
  detail: 'There is no sidecar in the place of this file.',
} as const;

/** Only what concerns these files. */
export function onlyOf({ rewrites, failures }: Decisions, fileIds: ReadonlySet<FileId>): Decisions {
  const isOne = (fileId: FileId | null): boolean => fileId !== null && fileIds.has(fileId);
  return {
    rewrites: rewrites.filter(({ file }) => isOne(file.fileId)),
    failures: failures.filter(({ fileId }) => isOne(fileId)),
  };
}
