/**
 * What no bulk run can leave out, and nothing else: a process of its own, which is told a directory
 * and answers with how long it took. `bare-bulk-process.ts` starts it.
 */
import { open, readdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface BulkOrder {
  /**
   * Read: lists the tree and reads each sidecar, with a stat of its content. Write: replaces each
   * sidecar of the tree, durably.
   */
  readonly kind: 'read' | 'write';
  readonly directory: string;
}

export interface BulkReport {
  readonly files: number;
  readonly elapsedMs: number;
}

const suffix = '.attr.json';
/** As many as the product writes together. */
const groupFiles = 64;
/** About what a sidecar of version 2.0 has. */
const sidecar = Buffer.alloc(1100, 'x');

/** Paths of sidecars, directory by directory. */
async function* listSidecars(directory: string): AsyncGenerator<string> {
  const entries = await readdir(directory, { withFileTypes: true });
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== '.artstore') yield* listSidecars(path);
    } else if (entry.name.endsWith(suffix)) yield path;
  }
}

async function* inGroups(paths: AsyncIterable<string>): AsyncGenerator<string[]> {
  let group: string[] = [];
  for await (const path of paths) {
    group.push(path);
    if (group.length < groupFiles) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

async function readGroup(paths: readonly string[]): Promise<void> {
  await Promise.all(
    paths.map(async (path) => {
      await stat(path.slice(0, -suffix.length));
      JSON.parse(await readFile(path, 'utf8'));
    }),
  );
}

async function writeGroup(paths: readonly string[]): Promise<void> {
  await Promise.all(
    paths.map(async (path) => {
      const temporary = `${path}.tmp`;
      await using file = await open(temporary, 'wx');
      await file.writeFile(sidecar);
      await file.sync();
      await rename(temporary, path);
    }),
  );
  for (const directory of new Set(paths.map((path) => join(path, '..')))) {
    await using handle = await open(directory);
    await handle.sync();
  }
}

async function run({ kind, directory }: BulkOrder): Promise<BulkReport> {
  const handle = kind === 'read' ? readGroup : writeGroup;
  const startedAt = performance.now();
  let files = 0;
  for await (const group of inGroups(listSidecars(directory))) {
    await handle(group);
    files += group.length;
  }
  return { files, elapsedMs: performance.now() - startedAt };
}

process.on('message', (order: BulkOrder) => {
  run(order).then(
    (report) => process.send?.({ report }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
