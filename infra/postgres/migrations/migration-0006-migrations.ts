import { Migration } from '@mikro-orm/migrations';

/** Bulk migrations of attributes: which version a sidecar is, runs, their shards, the originals. */
export class Migration0006Migrations extends Migration {
  override up(): void {
    for (const statement of [...versions, ...runs, ...originals, ...search]) this.addSql(statement);
  }
}

const versions = [
  // As the sidecar stands on its element: `attributes` always are the newest form.
  `alter table files add column schema_version text collate "C" not null default '2.0'`,
  // Small: what is written is 2.0. Uploads and changes of such files never touch it.
  `create index files_to_migrate on files (schema_version, element_id, file_id)
    where schema_version <> '2.0'`,
];

const runs = [
  `create table migration_runs (
    operation_id uuid not null,
    root_run uuid not null,
    of_run uuid,
    action text not null,
    work text not null,
    source text not null,
    request json not null,
    concurrency integer not null,
    files_per_second double precision,
    is_paused boolean not null default false,
    next_free_at timestamptz not null default now(),
    skipped json,
    sampled_at timestamptz,
    sampled_count bigint not null default 0,
    rate double precision,
    created_at timestamptz not null default now(),
    constraint migration_runs_pkey primary key (operation_id),
    constraint migration_runs_action_check check (action in ('migrate', 'revert', 'retry')),
    constraint migration_runs_work_check check (work in ('migrate', 'revert')),
    constraint migration_runs_source_check
      check (source in ('catalogue', 'named-files', 'failures', 'originals')),
    constraint migration_runs_of_check check ((action = 'migrate') = (of_run is null))
  )`,
  `create index migration_runs_by_root on migration_runs (root_run)`,
  `create table migration_named_files (
    operation_id uuid not null,
    file_id uuid not null,
    constraint migration_named_files_pkey primary key (operation_id, file_id)
  )`,
  `create table migration_shards (
    operation_id uuid not null,
    shard integer not null,
    element_id text collate "C" not null,
    from_id uuid not null,
    to_id uuid not null,
    planned bigint not null,
    state text not null default 'planned',
    chunk bigint not null default 0,
    position uuid,
    pass_count bigint not null default 0,
    done bigint not null default 0,
    failed bigint not null default 0,
    skipped bigint not null default 0,
    tallies json not null default '{"dialects":{},"failures":{}}',
    constraint migration_shards_pkey primary key (operation_id, shard),
    constraint migration_shards_state_check check (state in ('planned', 'running', 'ended'))
  ) with (fillfactor = 50)`,
  // Two runs never work on one element at once. However an operation ends, by its workflow, by a
  // cancel or by a sweep, its elements are free with it.
  `create table migration_elements (
    element_id text collate "C" not null,
    operation_id uuid not null,
    constraint migration_elements_pkey primary key (element_id)
  )`,
  `create index migration_elements_by_operation on migration_elements (operation_id)`,
  `create function free_migration_elements() returns trigger language plpgsql as
    $$ begin
      delete from migration_elements where operation_id = new.operation_id;
      return null;
    end $$`,
  `create trigger operations_free_elements after update of finished_at on operations
    for each row when (new.kind = 'migrateAttributes' and new.finished_at is not null)
    execute function free_migration_elements()`,
];

const originals = [
  // The bytes as they stood on the element before the run, kept before they are replaced.
  `create table migration_files (
    run_id uuid not null,
    file_id uuid not null,
    element_id text collate "C" not null,
    operation_id uuid not null,
    state text not null default 'prepared',
    original bytea not null,
    original_digest text collate "C" not null,
    migrated_digest text collate "C" not null,
    kept_at timestamptz not null default now(),
    constraint migration_files_pkey primary key (run_id, file_id),
    constraint migration_files_state_check check (state in ('prepared', 'migrated', 'reverted'))
  ) with (fillfactor = 70)`,
];

// What a file is found by is derived again only when some of it has changed: a new form of the same
// document costs neither its words nor its terms. One that cannot be read is compared as it is.
const search = [
  `create function search_members(source json) returns jsonb
    language plpgsql immutable strict parallel safe as $$
    declare
      document jsonb;
    begin
      document := source::jsonb;
      return jsonb_build_array(document -> 'description', document -> 'metadata',
        document -> 'custom_attributes');
    exception when others then
      return to_jsonb(source::text);
    end $$`,
  `drop trigger files_search on files`,
  `create trigger files_search before insert on files
    for each row execute function derive_search_columns()`,
  `create trigger files_search_again before update of original_filename, tags, attributes on files
    for each row when (new.original_filename <> old.original_filename or new.tags <> old.tags
      or search_members(new.attributes) <> search_members(old.attributes))
    execute function derive_search_columns()`,
];
