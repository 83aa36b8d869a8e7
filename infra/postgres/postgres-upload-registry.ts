import { createBatcher } from '#domain/batcher.ts';
import type { Batcher, Settled } from '#domain/batcher.ts';
import type { ElementId, FileId, GroupId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type {
  OpenUpload,
  OpenUploadOutcome,
  SweptUploads,
  UploadRegistry,
} from '#domain/ports/upload-registry.ts';
import type {
  FileOutcome,
  StagedUpload,
  Upload,
  UploadFailure,
  UploadState,
} from '#domain/uploads.ts';
import { recordGroup } from './group-recording.ts';
import type { Database } from './open-pool.ts';
import { extendReservations } from './reservation-extension.ts';
import type { Extension } from './reservation-extension.ts';
import { openUploads } from './upload-opening.ts';
import { stagedColumns, stagedOfRow, uploadColumns, uploadOfRow } from './upload-rows.ts';
import type { StagedRow, UploadRow } from './upload-rows.ts';
import {
  abandonDeadUploads,
  failUploads,
  findStalledGroups,
  forgetFinishedUploads,
} from './upload-sweep.ts';

interface Renewal {
  readonly leaseOwner: string;
  readonly fileIds: readonly FileId[];
}

const batchItems = 128;

// What is locked is changing state at this moment, or is renewed by the next call.
const renew = {
  name: 'renew-leases',
  text: `with mine as (
      select u.file_id from unnest($1::uuid[], $2::text[]) as l (file_id, lease_owner)
      join uploads u on u.file_id = l.file_id and u.lease_owner = l.lease_owner
      where u.state = 'receiving'
      for no key update of u skip locked
    )
    update uploads u set lease_expires_at = now() + $3::bigint * interval '1 millisecond'
    from mine where u.file_id = mine.file_id and u.state = 'receiving'`,
};

const stage = {
  name: 'stage-uploads',
  text: `with locked as (
      select file_id from uploads where file_id = any($1::uuid[]) and state = 'receiving'
      order by file_id for no key update
    )
    update uploads u
    set state = 'staged', sidecar = s.sidecar, sidecar_digest = s.sidecar_digest,
      storage_path = s.storage_path, storage_filename = s.storage_filename,
      size_bytes = s.size_bytes, fingerprint = s.fingerprint, updated_at = now()
    from locked join unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[],
        $6::bigint[], $7::text[])
      as s (file_id, sidecar, sidecar_digest, storage_path, storage_filename, size_bytes,
        fingerprint) using (file_id)
    where u.file_id = locked.file_id and u.state = 'receiving'
    returning u.file_id`,
};

const findStaged = {
  text: `select u.file_id from uploads u
    join unnest($1::uuid[], $2::text[]) as s (file_id, sidecar_digest)
      on u.file_id = s.file_id and u.sidecar_digest = s.sidecar_digest
    where u.state = 'staged'`,
};

const claim = {
  name: 'claim-group',
  text: `with locked as (
      select file_id from uploads where file_id = any($2::uuid[]) and state = 'staged'
      order by file_id for no key update
    )
    update uploads u set state = 'committing', group_id = $1, updated_at = now()
    from locked where u.file_id = locked.file_id and u.state = 'staged'
    returning u.file_id`,
};

const findClaimed = { text: 'select file_id from uploads where group_id = $1' };

const findCommitting = {
  name: 'find-group',
  text: `select ${stagedColumns} from uploads u
    where u.group_id = $1 and u.state = 'committing' order by u.file_id`,
};

const findByIds = {
  name: 'find-uploads',
  text: `select ${uploadColumns} from uploads u where u.file_id = any($1::uuid[])`,
};

export class PostgresUploadRegistry implements UploadRegistry {
  readonly #database: Database;
  readonly #opening: Batcher<OpenUpload, OpenUploadOutcome>;
  readonly #extending: Batcher<Extension, void>;
  readonly #renewing: Batcher<Renewal, void>;

  constructor(database: Database) {
    this.#database = database;
    this.#opening = oneAtATime((requests) => openUploads(database, requests));
    this.#extending = oneAtATime((extensions) => extendReservations(database, extensions));
    this.#renewing = oneAtATime((renewals) => renewLeases(database, renewals));
  }

  async openUpload(request: OpenUpload): Promise<OpenUploadOutcome> {
    return await this.#opening.add(request);
  }

  async extendReservation(
    fileId: FileId,
    additionalBytes: number,
    freeBytes?: number,
  ): Promise<void> {
    await this.#extending.add({ fileId, additionalBytes, freeBytes: freeBytes ?? null });
  }

  async renewLeases(leaseOwner: string, fileIds: readonly FileId[]): Promise<void> {
    if (fileIds.length > 0) await this.#renewing.add({ leaseOwner, fileIds });
  }

  async stageUploads(uploads: readonly StagedUpload[]): Promise<ReadonlySet<FileId>> {
    const fileIds = uploads.map((upload) => upload.fileId);
    const digests = uploads.map((upload) => upload.sidecarDigest);
    const changed = await this.#ids(stage, [
      fileIds,
      uploads.map((upload) => upload.sidecar),
      digests,
      uploads.map((upload) => upload.storagePath),
      uploads.map((upload) => upload.storageFilename),
      uploads.map((upload) => upload.sizeBytes),
      uploads.map((upload) => upload.fingerprint),
    ]);
    if (changed.size === uploads.length) return changed;
    // The rest may have been staged by an earlier attempt whose answer was lost.
    return changed.union(await this.#ids(findStaged, [fileIds, digests]));
  }

  async failUploads(
    fileIds: readonly FileId[],
    from: readonly UploadState[],
    failure: UploadFailure,
  ): Promise<ReadonlySet<FileId>> {
    return await failUploads(this.#database, fileIds, { from, failure });
  }

  async claimGroup(groupId: GroupId, fileIds: readonly FileId[]): Promise<readonly FileId[]> {
    const claimed = await this.#ids(claim, [groupId, fileIds]);
    if (claimed.size === fileIds.length) return [...claimed];
    return [...(await this.#ids(findClaimed, [groupId]))];
  }

  async findGroup(groupId: GroupId): Promise<readonly StagedUpload[]> {
    const rows = await this.#database.query<StagedRow>(findCommitting, [groupId]);
    return rows.map(stagedOfRow);
  }

  async recordGroup(
    groupId: GroupId,
    outcomes: readonly FileOutcome[],
  ): Promise<readonly FileOutcome[]> {
    return await recordGroup(this.#database, groupId, outcomes);
  }

  async findUploads(fileIds: readonly FileId[]): Promise<readonly Upload[]> {
    const rows = await this.#database.query<UploadRow>(findByIds, [fileIds]);
    return rows.map(uploadOfRow);
  }

  async abandonDeadUploads(elementId: ElementId): Promise<SweptUploads> {
    return { abandoned: [...(await abandonDeadUploads(this.#database, elementId))] };
  }

  async findStalledGroups(elementId: ElementId, idleMs: number): Promise<readonly GroupId[]> {
    return await findStalledGroups(this.#database, elementId, idleMs);
  }

  async forgetFinishedUploads(elementId: ElementId): Promise<number> {
    return await forgetFinishedUploads(this.#database, elementId);
  }

  async #ids(
    statement: { readonly name?: string; readonly text: string },
    values: readonly unknown[],
  ): Promise<ReadonlySet<FileId>> {
    const rows = await this.#database.query<{ file_id: FileId }>(statement, values);
    return new Set(rows.map((row) => row.file_id));
  }
}

/** All that wait while a batch is under way share the next transaction. */
function oneAtATime<Item, Result>(
  run: (items: readonly Item[]) => Promise<readonly Settled<Result>[]>,
): Batcher<Item, Result> {
  return createBatcher({ maxItems: batchItems, maxInFlight: () => 1, run });
}

async function renewLeases(
  database: Database,
  renewals: readonly Renewal[],
): Promise<Settled<void>[]> {
  const leases = renewals.flatMap(({ leaseOwner, fileIds }) =>
    fileIds.map((fileId) => ({ fileId, leaseOwner })),
  );
  await database.query(renew, [
    leases.map(({ fileId }) => fileId),
    leases.map(({ leaseOwner }) => leaseOwner),
    limits.uploadLeaseMs,
  ]);
  return renewals.map(() => ({ ok: true, value: undefined }));
}
