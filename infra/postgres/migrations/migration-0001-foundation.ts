import { Migration } from '@mikro-orm/migrations';

/**
 * The first tables. Times of rows are the database's clock; the exact text of a sidecar's instants
 * stands in `files.attributes`, its columns are for sorting and filtering.
 */
export class Migration0001Foundation extends Migration {
  override up(): void {
    for (const statement of [...elements, ...uploads, ...files, ...events, ...identity]) {
      this.addSql(statement);
    }
  }
}

const elements = [
  // One hot row per element, updated by every reservation: room on its page keeps the updates
  // free of index work, and vacuum must not wait for a fifth of a table of two rows.
  `create table storage_elements (
    element_id text collate "C" not null,
    name text not null,
    type text not null,
    mode text not null,
    priority integer not null default 100,
    capacity_bytes bigint not null,
    used_bytes bigint not null default 0,
    reserved_bytes bigint not null default 0,
    location json not null,
    status text not null default 'online',
    constraint storage_elements_pkey primary key (element_id),
    constraint storage_elements_element_id_check
      check (element_id ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    constraint storage_elements_type_check check (type in ('filesystem', 's3')),
    constraint storage_elements_mode_check check (mode in ('edit', 'rw', 'ro', 'ar')),
    constraint storage_elements_status_check
      check (status in ('online', 'degraded', 'offline', 'maintenance')),
    constraint storage_elements_capacity_check check (capacity_bytes >= 0),
    constraint storage_elements_used_check check (used_bytes >= 0),
    constraint storage_elements_reserved_check check (reserved_bytes >= 0)
  ) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)`,

  // Called where room was taken by somebody else since it was looked at: undoes the statement.
  `create function refuse_reservation() returns bigint language plpgsql as
    $$ begin raise exception 'the room is gone' using errcode = 'AS001'; end $$`,
];

const uploads = [
  // No foreign key to accounts: it would lock one account's row with every upload.
  `create table uploads (
    file_id uuid not null,
    account_id uuid not null,
    element_id text collate "C" not null,
    state text not null,
    idempotency_key text collate "C",
    reserved_bytes bigint not null,
    lease_owner text not null,
    lease_expires_at timestamptz not null,
    group_id uuid,
    sidecar text,
    sidecar_digest text,
    storage_path text,
    storage_filename text,
    size_bytes bigint,
    fingerprint text,
    failure_code text,
    failure_detail text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    finished_at timestamptz,
    constraint uploads_pkey primary key (file_id),
    constraint uploads_element_id_fkey foreign key (element_id) references storage_elements,
    constraint uploads_state_check
      check (state in ('receiving', 'staged', 'committing', 'stored', 'failed')),
    constraint uploads_reserved_check check (reserved_bytes >= 0),
    constraint uploads_size_check check (size_bytes >= 0),
    constraint uploads_staged_check check (
      state in ('receiving', 'failed') or num_nulls(
        sidecar, sidecar_digest, storage_path, storage_filename, size_bytes, fingerprint) = 0),
    constraint uploads_group_check check (state not in ('committing', 'stored') or group_id is not null),
    constraint uploads_finished_check check (
      (state in ('stored', 'failed')) = (finished_at is not null)
      and (finished_at is null or reserved_bytes = 0)),
    constraint uploads_failure_check
      check ((state = 'failed') = (failure_code is not null and failure_detail is not null))
  ) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0.05)`,
  `create unique index uploads_idempotency_key on uploads (account_id, idempotency_key)
    where idempotency_key is not null and state <> 'failed'`,
  `create index uploads_group_id on uploads (group_id) where group_id is not null`,
  `create index uploads_unfinished on uploads (element_id, updated_at) where finished_at is null`,
  `create index uploads_finished on uploads (element_id, finished_at) where finished_at is not null`,
];

const files = [
  `create table files (
    file_id uuid not null,
    element_id text collate "C" not null,
    storage_path text collate "C" not null,
    storage_filename text collate "C" not null,
    original_filename text collate "C" not null,
    file_size bigint not null,
    content_type text collate "C" not null,
    created_by_username text collate "C" not null,
    tags text[] not null default '{}',
    retention_policy text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    revision bigint not null,
    state text not null default 'stored',
    tombstoned_at timestamptz,
    verified_at timestamptz,
    sidecar_digest text not null,
    attributes json not null,
    constraint files_pkey primary key (file_id),
    constraint files_element_id_fkey foreign key (element_id) references storage_elements,
    constraint files_size_check check (file_size >= 0),
    constraint files_retention_policy_check check (retention_policy in ('temporary', 'permanent')),
    constraint files_state_check check (state in
      ('stored', 'deleting', 'restoring', 'archived', 'suspect', 'corrupt', 'missing'))
  )`,
  // Sorts of the list, each with the id as its tie-breaker.
  `create index files_by_created_at on files (created_at, file_id)`,
  `create index files_by_updated_at on files (updated_at, file_id)`,
  `create index files_by_file_size on files (file_size, file_id)`,
  `create index files_by_original_filename on files (original_filename, file_id)`,
  // Filters, in the list's usual order.
  `create index files_by_element on files (element_id, created_at, file_id)`,
  `create index files_by_content_type on files (content_type, created_at, file_id)`,
  `create index files_by_username on files (created_by_username, created_at, file_id)`,
  `create index files_by_retention_policy on files (retention_policy, created_at, file_id)`,
  `create index files_out_of_order on files (state, created_at, file_id) where state <> 'stored'`,
  `create index files_by_tag on files using gin (tags) where tags <> '{}'`,
];

const events = [
  // Sequence numbers are taken before they are committed: a reader goes by transaction first.
  `create table outbox (
    transaction_id xid8 not null default pg_current_xact_id(),
    sequence bigint generated always as identity,
    type text not null,
    subject_type text not null,
    subject_id text not null,
    file_ids uuid[] not null,
    data json not null default '{}',
    occurred_at timestamptz not null default now(),
    constraint outbox_pkey primary key (transaction_id, sequence)
  )`,
  `create table operations (
    operation_id uuid not null,
    kind text not null,
    state text not null default 'pending',
    progress json,
    failure_code text,
    failure_detail text,
    subject_type text not null,
    subject_id text not null,
    started_by uuid not null,
    workflow_id text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    finished_at timestamptz,
    constraint operations_pkey primary key (operation_id),
    constraint operations_state_check check (state in
      ('pending', 'running', 'paused', 'completed', 'failed', 'cancelled')),
    constraint operations_finished_check check (
      (state in ('completed', 'failed', 'cancelled')) = (finished_at is not null)),
    constraint operations_failure_check
      check ((failure_code is null) = (failure_detail is null))
  )`,
];

const identity = [
  `create table service_accounts (
    account_id uuid not null,
    name text not null,
    client_id text collate "C" not null,
    role text not null,
    scopes text[],
    secret_hash text not null,
    status text not null default 'active',
    is_system boolean not null default false,
    created_at timestamptz not null default now(),
    constraint service_accounts_pkey primary key (account_id),
    constraint service_accounts_status_check
      check (status in ('active', 'suspended', 'expired', 'deleted'))
  )`,
  `create unique index service_accounts_client_id on service_accounts (client_id)
    where status <> 'deleted'`,
  `create table signing_keys (
    key_id text collate "C" not null,
    algorithm text not null,
    public_jwk json not null,
    private_jwk_encrypted bytea not null,
    state text not null,
    created_at timestamptz not null,
    constraint signing_keys_pkey primary key (key_id),
    constraint signing_keys_state_check check (state in ('active', 'verifying'))
  )`,
  `create unique index signing_keys_one_active on signing_keys (state) where state = 'active'`,
];
