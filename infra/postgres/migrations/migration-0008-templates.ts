import { Migration } from '@mikro-orm/migrations';

/** JSON Schemas for custom attributes. Rows are added and never change. */
export class Migration0008Templates extends Migration {
  override up(): void {
    this.addSql(templates);
  }
}

const templates = `create table templates (
    name text collate "C" not null,
    version integer not null,
    schema text not null,
    digest text collate "C" not null,
    created_by uuid not null,
    created_at timestamptz not null default now(),
    constraint templates_pkey primary key (name, version),
    constraint templates_version_check check (version >= 1)
  )`;
