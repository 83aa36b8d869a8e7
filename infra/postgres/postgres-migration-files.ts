import type { ElementId, FileId } from '#domain/ids.ts';
import type {
  ChunkRecord,
  ChunkRecording,
  HeldFile,
  HeldFilter,
  MigrationFile,
  MigrationFiles,
  OriginalSidecar,
  RemainingFile,
  RewrittenFile,
  ShardWork,
} from '#domain/ports/migration-files.ts';
import {
  createParameters,
  nameCandidates,
  selectClaimable,
  selectRemaining,
} from './migration-candidates.ts';
import { recordChunk } from './migration-recording.ts';
import { keptOfRow, type KeptRow } from './migration-rows.ts';
import { findHeld, settleHeld } from './migration-settlement.ts';
import type { Database } from './open-pool.ts';

/** What stands here already is what stood on the element first: it is never replaced. */
const keep = {
  name: 'keep-originals',
  text: `with op as (
      select operation_id from operations where operation_id = $1 and finished_at is null for share
    ), given as (
      select g.* from op, unnest($5::uuid[], $6::bytea[], $7::text[], $8::text[])
        as g (file_id, original, original_digest, migrated_digest)
    )
    insert into migration_files as m (run_id, file_id, element_id, operation_id, original,
      original_digest, migrated_digest)
    select $2, g.file_id, $3, $1, g.original, g.original_digest, g.migrated_digest
    from given g join files f on f.file_id = g.file_id
    where f.claim_operation_id = $1 and f.claimed_by = $4
    order by g.file_id
    on conflict (run_id, file_id) do update
      set migrated_digest = excluded.migrated_digest, operation_id = excluded.operation_id
      where m.state = 'prepared' and m.original_digest = excluded.original_digest
    returning file_id`,
};

const findClaimed = {
  name: 'find-migration-claims',
  text: `select f.file_id from files f
    where f.file_id = any($1::uuid[]) and f.claim_operation_id = $2 and f.claimed_by = $3
      and exists (select from operations o where o.operation_id = $2 and o.finished_at is null)`,
};

export class PostgresMigrationFiles implements MigrationFiles {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async claimChunk(
    work: ShardWork,
    fromId: FileId,
    limit: number,
  ): Promise<readonly MigrationFile[]> {
    const { run, claimedBy } = work;
    const parameters = createParameters();
    const { add, values } = parameters;
    const claimable = selectClaimable(work, { fromId, limit, isForClaim: true }, parameters);
    const text = `with picked as (${claimable}),
      claimed as (
        update files f
        set claimed_by = ${add(claimedBy, 'text')},
          claim_operation_id = ${add(run.operationId, 'uuid')}, claimed_at = now()
        from picked where f.file_id = picked.file_id
        returning f.file_id, f.storage_path, f.storage_filename, f.sidecar_digest,
          false as is_held
      )
      ${withKept('claimed', work, parameters)}`;
    const name = nameCandidates('claim-migration', run);
    return (await this.#database.query<KeptRow>({ name, text }, values)).map(keptOfRow);
  }

  async peekChunk(
    work: ShardWork,
    fromId: FileId,
    limit: number,
  ): Promise<readonly MigrationFile[]> {
    const parameters = createParameters();
    const claimable = selectClaimable(work, { fromId, limit, isForClaim: false }, parameters);
    const text = `with picked as (${claimable}),
      peeked as (
        select f.file_id, f.storage_path, f.storage_filename, f.sidecar_digest,
          f.claimed_by is not null as is_held
        from picked join files f using (file_id)
      )
      ${withKept('peeked', work, parameters)}`;
    const name = nameCandidates('peek-migration', work.run);
    return (await this.#database.query<KeptRow>({ name, text }, parameters.values)).map(keptOfRow);
  }

  async findRemaining(work: ShardWork, limit: number): Promise<readonly RemainingFile[]> {
    const parameters = createParameters();
    const text = selectRemaining(work, limit, parameters);
    const name = nameCandidates('find-migration-rest', work.run);
    const rows = await this.#database.query<{
      file_id: FileId;
      path: string;
      reason: RemainingFile['reason'];
    }>({ name, text }, parameters.values);
    return rows.map(({ file_id: fileId, path, reason }) => ({ fileId, path, reason }));
  }

  async findClaimed(work: ShardWork, fileIds: readonly FileId[]): Promise<ReadonlySet<FileId>> {
    const rows = await this.#database.query<{ file_id: FileId }>(findClaimed, [
      fileIds,
      work.run.operationId,
      work.claimedBy,
    ]);
    return new Set(rows.map((row) => row.file_id));
  }

  async keepOriginals(
    work: ShardWork,
    originals: readonly OriginalSidecar[],
  ): Promise<ReadonlySet<FileId>> {
    const rows = await this.#database.query<{ file_id: FileId }>(keep, [
      work.run.operationId,
      work.run.rootRun,
      work.shard.elementId,
      work.claimedBy,
      originals.map(({ fileId }) => fileId),
      originals.map(({ original }) => original),
      originals.map(({ originalDigest }) => originalDigest),
      originals.map(({ migratedDigest }) => migratedDigest),
    ]);
    return new Set(rows.map((row) => row.file_id));
  }

  async recordChunk(work: ShardWork, chunk: ChunkRecord): Promise<ChunkRecording> {
    return await recordChunk(this.#database, work, chunk);
  }

  async findHeld(elementId: ElementId, filter: HeldFilter): Promise<readonly HeldFile[]> {
    return await findHeld(this.#database, elementId, filter);
  }

  async settleHeld(held: readonly HeldFile[], rewritten: readonly RewrittenFile[]): Promise<void> {
    await settleHeld(this.#database, held, rewritten);
  }
}

/** A run that migrates finds what an attempt before had prepared, a revert what was migrated. */
function withKept(
  rows: string,
  { run }: ShardWork,
  { add }: ReturnType<typeof createParameters>,
): string {
  const state = run.work === 'migrate' ? 'prepared' : 'migrated';
  return `select r.*, m.original, m.original_digest, m.migrated_digest
    from ${rows} r left join migration_files m on m.run_id = ${add(run.rootRun, 'uuid')}
      and m.file_id = r.file_id and m.state = '${state}'
    order by r.file_id`;
}
