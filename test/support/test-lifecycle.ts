import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Attributes } from '#domain/attributes/attributes-types.ts';
import { DomainError, isDomainError } from '#domain/errors.ts';
import type { FileId, GroupId, OperationId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type {
  AttributesChange,
  ChangeOutcome,
  Deletion,
  FileLifecycle,
  StoreOutcome,
} from '#domain/ports/file-lifecycle.ts';
import type { ElementAccess } from '#domain/ports/object-store.ts';
import type { UploadRegistry } from '#domain/ports/upload-registry.ts';
import type { StagedUpload } from '#domain/uploads.ts';
import { deriveFileColumns } from '#infra/postgres/file-columns.ts';
import type { Database } from '#infra/postgres/open-pool.ts';
import { PostgresFileCatalogue } from '#infra/postgres/postgres-file-catalogue.ts';

const pollMs = 20;

interface World {
  readonly uploads: UploadRegistry;
  readonly elementAccess: ElementAccess;
  readonly database: Database;
}

/**
 * The steps of the workflows without Temporal, in this process and one file at a time: for tests
 * of the API that are not about workflows.
 */
export function createTestLifecycle(world: World): FileLifecycle {
  const { uploads, elementAccess } = world;

  async function storeFile(upload: StagedUpload): Promise<StoreOutcome> {
    const { fileId } = upload;
    const groupId = randomUUID() as string as GroupId;
    await uploads.stageUploads([upload]);
    const claimed = await uploads.claimGroup(groupId, [fileId]);
    if (claimed.length === 0) return outcomeOf(fileId);
    const element = await elementAccess.openElement(upload.elementId);
    const [content] = await element.commitContents([upload]);
    if (content?.ok === true) {
      await element.writeSidecars([{ ...upload, expectedDigest: null }]);
    }
    await uploads.recordGroup(groupId, [content ?? { fileId, ok: true }]);
    return outcomeOf(fileId);
  }

  async function outcomeOf(fileId: FileId): Promise<StoreOutcome> {
    const [upload] = await uploads.findUploads([fileId]);
    if (upload?.state === 'stored') return { kind: 'stored' };
    const failure = upload?.failure ?? null;
    if (failure !== null) return { kind: 'failed', failure };
    return { kind: 'pending' };
  }

  return {
    storeFile,
    async awaitUpload(fileId) {
      const endsAt = Date.now() + limits.storeDeadlineMs;
      for (;;) {
        const outcome = await outcomeOf(fileId).catch((error: unknown) => {
          if (!isDomainError(error)) throw error;
          return { kind: 'pending' } as const;
        });
        if (outcome.kind !== 'pending' || Date.now() >= endsAt) return outcome;
        await delay(pollMs);
      }
    },
    ...createChanges(world),
    isAvailable: () => true,
  };
}

type Changes = Pick<
  FileLifecycle,
  'updateAttributes' | 'deleteFile' | 'deleteFiles' | 'cancelOperation'
>;

/** Whoever is in `holders` has the claim of a file. */
function createChanges({ elementAccess, database }: World): Changes {
  const catalogue = new PostgresFileCatalogue(database);
  const holders = new Map<FileId, OperationId>();

  async function rewrite(change: AttributesChange): Promise<ChangeOutcome> {
    const file = await catalogue.findFile(change.fileId);
    if (file === null) return failed('FILE_NOT_FOUND', 'It is gone.');
    if (file.sidecarDigest !== change.expectedDigest) {
      return failed('PRECONDITION_FAILED', 'The attributes were changed in between.');
    }
    const element = await elementAccess.openElement(file.elementId);
    const [outcome] = await element.writeSidecars([{ ...file, ...change }]);
    if (outcome?.ok === false) return failed(outcome.code, outcome.detail);
    const columns = deriveFileColumns(JSON.parse(change.sidecar) as Attributes);
    await database.query(
      {
        text: `update files set attributes = $2::json, sidecar_digest = $3, tags = $4,
          retention_policy = $5, updated_at = $6, revision = $7 where file_id = $1`,
      },
      [
        change.fileId,
        change.sidecar,
        change.sidecarDigest,
        columns.tags,
        columns.retentionPolicy,
        columns.updatedAt,
        columns.revision,
      ],
    );
    return { kind: 'changed' };
  }

  return {
    async updateAttributes(change) {
      const holder = holders.get(change.fileId);
      if (holder !== undefined) {
        return { ...failed('FILE_BUSY', 'It is being changed.'), operationId: holder };
      }
      holders.set(change.fileId, change.operationId);
      try {
        return await rewrite(change);
      } finally {
        holders.delete(change.fileId);
      }
    },
    async deleteFile({ fileId, operationId, startedBy }: Deletion) {
      const rows = await database.query(tombstone, [fileId, operationId, startedBy]);
      if (rows.length > 0) return operationId;
      throw new DomainError('FILE_NOT_FOUND', 'There is no file with this id.');
    },
    deleteFiles: () => Promise.reject(onlyWithTemporal()),
    cancelOperation: () => Promise.reject(onlyWithTemporal()),
  };
}

/** The tombstone is all that readers can see of a deletion. */
const tombstone = {
  text: `with deleted as (
      update files set state = 'deleting', tombstoned_at = now()
      where file_id = $1 and tombstoned_at is null returning file_id
    )
    insert into operations (operation_id, kind, state, subject_type, subject_id, started_by)
    select $2, 'deleteFile', 'running', 'file', file_id::text, $3 from deleted
    returning operation_id`,
};

function failed(code: DomainError['code'], detail: string) {
  return { kind: 'failed', failure: { code, detail } } as const;
}

function onlyWithTemporal(): DomainError {
  return new DomainError('WORKFLOWS_UNAVAILABLE', 'This server of a test has no workflows.');
}
