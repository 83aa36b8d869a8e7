import { join } from 'node:path';
import { Client } from 'pg';
import type { ElementId } from '#domain/ids.ts';
import { instantFromMillis } from '#domain/instant.ts';
import { createArgon2SecretHasher } from '#infra/argon2/argon2-secret-hasher.ts';
import { migrateDatabase } from '#infra/postgres/migrate.ts';
import { openOrm } from '#infra/postgres/open-orm.ts';
import { PostgresAccountRegistry } from '#infra/postgres/postgres-account-registry.ts';
import { PostgresStorageElementRegistry } from '#infra/postgres/postgres-storage-element-registry.ts';
import { findMarker, prepareElements } from './element-directories.ts';
import { ensureInitialAccount } from './initial-account.ts';

export interface CatalogueOptions {
  readonly dataDirectory: string;
  readonly catalogueUrl: string;
  readonly initialClientId: string | null;
  readonly initialClientSecret: string | null;
  readonly log: (line: string) => void;
}

/**
 * The newest schema, the elements under the data directory and an account to begin with.
 * @returns the registered elements.
 */
export async function prepareCatalogue(options: CatalogueOptions): Promise<readonly ElementId[]> {
  const { dataDirectory, catalogueUrl, log } = options;
  await migrateDatabase(catalogueUrl);
  const directory = join(dataDirectory, 'elements');
  await followMovedElements(directory, catalogueUrl);
  const orm = await openOrm(catalogueUrl, 'artstore-start');
  try {
    const elements = await prepareElements({
      directory,
      registry: new PostgresStorageElementRegistry(orm),
      now: instantFromMillis(Date.now()),
      log,
    });
    const isNewAccount = await ensureInitialAccount({
      dataDirectory,
      accounts: new PostgresAccountRegistry(orm),
      hasher: createArgon2SecretHasher(),
      clientId: options.initialClientId,
      clientSecret: options.initialClientSecret,
    });
    if (isNewAccount) log('made the initial account');
    askForRebuild(elements.toRebuild, log);
    return elements.elementIds;
  } finally {
    await orm.close(true);
  }
}

/** It is not begun here: whoever starts on old elements may have more of them to register first. */
function askForRebuild(elementIds: readonly ElementId[], log: (line: string) => void): void {
  if (elementIds.length === 0) return;
  log(
    'the database is new, and the storage elements hold files that it does not know: ' +
      'a rebuild of the catalogue from the sidecars is needed. When everything is up, run',
  );
  for (const id of elementIds) {
    log(`  artstore rebuild ${id}  (or send POST /api/v1/storage-elements/${id}/rebuild)`);
  }
}

/**
 * A data directory that was moved, or copied: its own elements are the ones below it, never those
 * of the place it came from.
 */
async function followMovedElements(directory: string, catalogueUrl: string): Promise<void> {
  const client = new Client({ connectionString: catalogueUrl });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string; path: string }>(
      `SELECT element_id AS id, location->>'path' AS path FROM storage_elements
        WHERE type = 'filesystem'`,
    );
    for (const { id, path } of rows) {
      const here = join(directory, id);
      if (path === here || (await findMarker(here))?.elementId !== id) continue;
      await client.query(
        `UPDATE storage_elements SET location = json_build_object('path', $2::text)
          WHERE element_id = $1`,
        [id, here],
      );
    }
  } finally {
    await client.end();
  }
}
