import { Migration } from '@mikro-orm/migrations';

/** What operations over many files leave behind, and the order in which an element is walked. */
export class Migration0004Bulk extends Migration {
  override up(): void {
    for (const statement of [...failures, ...walks]) this.addSql(statement);
  }
}

const failures = [
  // Dead letters and findings; `failure_key` is the file's id, or a path where none is known.
  `create table operation_failures (
    operation_id uuid not null,
    failure_key text collate "C" not null,
    file_id uuid,
    element_id text collate "C",
    path text collate "C",
    code text not null,
    detail text not null,
    recorded_at timestamptz not null default now(),
    constraint operation_failures_pkey primary key (operation_id, failure_key)
  )`,
];

const walks = [
  // An element and its rows are compared in the order of its tree.
  `create index files_by_location on files (element_id, storage_path, storage_filename)`,
];
