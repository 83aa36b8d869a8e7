import { Migration } from '@mikro-orm/migrations';

/** Claims, operations as the API shows them, what is left of deleted files, the feed's readers. */
export class Migration0002Changes extends Migration {
  override up(): void {
    for (const statement of [...claims, ...operations, ...uploadLists, ...tombstones, ...feed]) {
      this.addSql(statement);
    }
  }
}

const claims = [
  // One owner per file: the workflow that changes it now, and its operation.
  `alter table files
    add column claimed_by text,
    add column claim_operation_id uuid,
    add column claimed_at timestamptz,
    add constraint files_claim_check
      check (num_nulls(claimed_by, claim_operation_id, claimed_at) in (0, 3))`,
  `create index files_claimed on files (element_id, claimed_at) where claimed_by is not null`,
];

const operations = [
  // `element_id`: whose queue does the work; null where it is the catalogue's.
  `alter table operations
    add column element_id text collate "C",
    add column input json,
    add column result json`,
  `create index operations_by_created_at on operations (created_at, operation_id)`,
  `create index operations_by_kind on operations (kind, created_at, operation_id)`,
  `create index operations_by_started_by on operations (started_by, created_at, operation_id)`,
  `create index operations_by_subject on operations (subject_id, created_at, operation_id)`,
  `create index operations_not_completed on operations (state, created_at, operation_id)
    where state <> 'completed'`,
  `create index operations_unfinished on operations (updated_at) where finished_at is null`,
  // However many callers ask for it at once, a file is deleted by one operation.
  `create unique index operations_one_deletion on operations (subject_id)
    where kind = 'deleteFile' and finished_at is null`,
];

// Uploads stand in the list of operations with their own rows.
const uploadLists = [
  `create index uploads_by_created_at on uploads (created_at, file_id)`,
  `create index uploads_by_account on uploads (account_id, created_at, file_id)`,
  `create index uploads_failed on uploads (created_at, file_id) where state = 'failed'`,
];

const tombstones = [
  `create table tombstones (
    file_id uuid not null,
    checksum text collate "C" not null,
    deleted_by uuid not null,
    deleted_at timestamptz not null,
    operation_id uuid not null,
    element_id text collate "C" not null,
    storage_path text collate "C" not null,
    storage_filename text collate "C" not null,
    original_filename text collate "C" not null,
    file_size bigint not null,
    sidecar_digest text collate "C" not null,
    constraint tombstones_pkey primary key (file_id)
  )`,
];

const feed = [
  `create table outbox_positions (
    consumer text collate "C" not null,
    transaction_id xid8 not null,
    sequence bigint not null,
    updated_at timestamptz not null default now(),
    constraint outbox_positions_pkey primary key (consumer)
  )`,
  `create table feed_epoch (
    is_only_row boolean not null default true,
    epoch uuid not null default gen_random_uuid(),
    constraint feed_epoch_pkey primary key (is_only_row),
    constraint feed_epoch_one_row_check check (is_only_row)
  )`,
  `insert into feed_epoch default values`,
  // Once per statement: a group of uploads wakes the follower once, when it commits.
  `create function notify_outbox() returns trigger language plpgsql as
    $$ begin perform pg_notify('artstore_outbox', ''); return null; end $$`,
  `create trigger outbox_notify after insert on outbox
    for each statement execute function notify_outbox()`,
];
