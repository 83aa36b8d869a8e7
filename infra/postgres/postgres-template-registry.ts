import type { AccountId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import type { JsonObject } from '#domain/json.ts';
import type {
  NewTemplate,
  Template,
  TemplateRegistry,
  TemplateVersion,
} from '#domain/ports/template-registry.ts';
import { isJsonObject, parseOwnJson } from '#domain/strict-json.ts';
import type { TemplateReference } from '#domain/templates/template-name.ts';
import type { Database } from './open-pool.ts';

const columns = 'name, version, digest, created_by, created_at';

const add = {
  name: 'add-template',
  text: `with newest as (
      select ${columns} from templates where name = $1 order by version desc limit 1
    ), added as (
      insert into templates (name, version, schema, digest, created_by)
      select $1, coalesce((select version from newest), 0) + 1, $2, $3, $4
      where not exists (select from newest where digest = $3)
      on conflict (name, version) do nothing
      returning ${columns}
    )
    select ${columns}, true as is_new from added
    union all select ${columns}, false from newest where digest = $3`,
};

const find = {
  name: 'find-template',
  text: `select ${columns}, schema from templates
    where name = $1 and version between coalesce($2, 1) and coalesce($2, 2147483647)
    order by version desc limit 1`,
};

const findWithoutSchema = {
  name: 'find-template-version',
  text: `select ${columns} from templates
    where name = $1 and version between coalesce($2, 1) and coalesce($2, 2147483647)
    order by version desc limit 1`,
};

const listNewest = {
  name: 'list-templates',
  text: `select distinct on (name) ${columns} from templates where name > $1
    order by name, version desc limit $2`,
};

const listVersions = {
  name: 'list-template-versions',
  text: `select ${columns} from templates where name = $1 and version < coalesce($2, 2147483647)
    order by version desc limit $3`,
};

interface VersionRow {
  readonly name: string;
  readonly version: number;
  readonly digest: string;
  readonly created_by: AccountId;
  readonly created_at: Instant;
}

export class PostgresTemplateRegistry implements TemplateRegistry {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async addTemplate({ name, schema, digest, createdBy }: NewTemplate) {
    const values = [name, JSON.stringify(schema), digest, createdBy];
    for (;;) {
      const [row] = await this.#database.query<VersionRow & { is_new: boolean }>(add, values);
      if (row !== undefined) return { template: versionOfRow(row), isNew: row.is_new };
      // Another one has taken the number meanwhile: on with the next, or with what it has said.
    }
  }

  async findTemplate({ name, version }: TemplateReference): Promise<Template | null> {
    const [row] = await this.#database.query<VersionRow & { schema: string }>(find, [
      name,
      version,
    ]);
    return row === undefined ? null : { ...versionOfRow(row), schema: schemaOf(row.schema) };
  }

  async findVersion({ name, version }: TemplateReference): Promise<TemplateVersion | null> {
    const [row] = await this.#database.query<VersionRow>(findWithoutSchema, [name, version]);
    return row === undefined ? null : versionOfRow(row);
  }

  async listNewest({ limit, after }: { readonly limit: number; readonly after: string | null }) {
    const rows = await this.#database.query<VersionRow>(listNewest, [after ?? '', limit]);
    return rows.map(versionOfRow);
  }

  async listVersions(
    name: string,
    { limit, before }: { readonly limit: number; readonly before: number | null },
  ) {
    const rows = await this.#database.query<VersionRow>(listVersions, [name, before, limit]);
    return rows.map(versionOfRow);
  }
}

function versionOfRow(row: VersionRow): TemplateVersion {
  return {
    name: row.name,
    version: row.version,
    digest: row.digest,
    createdBy: row.created_by,
    createdAt: row.created_at,
  };
}

function schemaOf(text: string): JsonObject {
  const schema = parseOwnJson(text);
  if (!isJsonObject(schema)) throw new Error('a stored template is not an object');
  return schema;
}
