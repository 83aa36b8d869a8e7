import { mkdtemp, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { ElementId } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import { registerElementDirectory } from '#infra/filesystem/element-marker.ts';
import { openFilesystemObjectStore } from '#infra/filesystem/filesystem-object-store.ts';
import { fileRemovalContract } from './file-removal-contract.ts';
import { objectStoreContract, type ObjectStoreHarness } from './object-store-contract.ts';
import { quarantineContract } from './quarantine-contract.ts';

async function openFilesystem(t: ExecutionContext): Promise<ObjectStoreHarness> {
  const root = await mkdtemp(join(tmpdir(), 'artstore-element-'));
  t.teardown(() => rm(root, { recursive: true }));
  const elementId = 'edit-01' as ElementId;
  const createdAt = parseInstant('2025-11-08T00:00:00Z')!;
  await registerElementDirectory(root, elementId, createdAt);
  const marker = join(root, '.artstore', 'element.json');
  return {
    store: await openFilesystemObjectStore({ elementId, root, markerIntervalMs: 0 }),
    async breakMarker(how) {
      await rename(marker, `${marker}.kept`);
      const other = JSON.stringify({ element_id: 'edit-02', created_at: createdAt });
      if (how === 'other') await writeFile(marker, other);
    },
    repairMarker: () => rename(`${marker}.kept`, marker),
    async shortenContent(location) {
      const path = join(root, location.storagePath, location.storageFilename);
      await truncate(path, 6);
    },
    listEverythingStaged: () => readdir(join(root, '.artstore', 'staging')),
  };
}

const contracts = { ...objectStoreContract, ...fileRemovalContract, ...quarantineContract };

for (const [name, should] of Object.entries(contracts)) {
  const title = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  // One at a time: some of them look at the memory of the process.
  test.serial(`a directory as an element ${title}`, async (t) =>
    should(t, await openFilesystem(t)),
  );
}
