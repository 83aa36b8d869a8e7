/**
 * The worker's process is killed in the middle of a rebuild, twice: once with a batch read and not
 * written, once with a batch written and nobody told. Every file counts once all the same.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { FileId } from '#domain/ids.ts';
import { openTemporalHarness, type TemporalHarness } from '#test/support/element-harness.ts';
import {
  codec,
  newAttributes,
  openRebuildHarness,
  putFile,
  putPair,
  sha256Hex,
  type PutFile,
  type RebuildHarness,
  type TestElement,
} from '#test/support/rebuild-harness.ts';
import type { RebuildProcessOrder } from '#test/support/rebuild-process.ts';
import { newFileId } from '#test/support/stored-files.ts';

let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

const script = fileURLToPath(new URL('../support/rebuild-process.ts', import.meta.url));
const batchFiles = 10;

async function killWorker(
  harness: RebuildHarness,
  { elementId }: TestElement,
  stop: RebuildProcessOrder['stop'],
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'artstore-bundle-'));
  const bundlePath = join(folder, 'bundle.js');
  await writeFile(bundlePath, temporal.workflowBundle.code);
  const databaseUrl = harness.catalogue.url;
  const order: RebuildProcessOrder = { elementId, databaseUrl, bundlePath, batchFiles, stop };
  const child = fork(script, [JSON.stringify(order)], { stdio: 'inherit' });
  const exited = once(child, 'exit');
  try {
    const first = await Promise.race([once(child, 'message'), exited]);
    if (first[0] !== 'reached') throw new Error('the worker ended by itself');
  } finally {
    child.kill('SIGKILL');
    await exited;
    await rm(folder, { recursive: true, force: true });
  }
}

test('killed twice, everything is taken, and every file counts once', async (t) => {
  await using harness = await openRebuildHarness(temporal);
  const element = await harness.addElement('rw');
  const lines: string[] = [];
  const taken = 60;
  for (let index = 0; index < taken; index += 1) {
    const place = { storagePath: `${index % 4}/`, storageFilename: `${index}.pdf` };
    if (index % 3 === 0) {
      const text = JSON.stringify(codec.toV1(newAttributes({ file_id: newFileId() })).document);
      await putPair(element, place, { sidecar: text });
      const fileId = (JSON.parse(text) as { file_id: FileId }).file_id;
      lines.push(lineOf(element, { ...place, fileId, sidecarDigest: sha256Hex(text) }));
    } else {
      const file = await putFile(
        element,
        {},
        index % 10 === 1 ? { ...place, content: null } : place,
      );
      lines.push(lineOf(element, file));
    }
  }
  const damaged = 12;
  for (let index = 0; index < damaged; index += 1) {
    const place = { storagePath: `${index % 4}/`, storageFilename: `damaged-${index}` };
    await putPair(element, place, { sidecar: '{"file_id":' });
  }
  const { operationId, handle } = await harness.startRebuild(element);
  await killWorker(harness, element, { when: 'before', batch: 3 });
  t.like(await harness.catalogue.operations.findOperation(operationId), {
    state: 'running',
    progress: { total: 2 * batchFiles },
  });
  await killWorker(harness, element, { when: 'after', batch: 2 });
  t.like(await harness.catalogue.operations.findOperation(operationId), {
    state: 'running',
    progress: { total: 4 * batchFiles },
  });
  await using worker = await harness.startWorker(element, { pace: { batchFiles } });
  await handle.result();
  const operation = await harness.catalogue.operations.findOperation(operationId);
  const missing = 4;
  const digest = sha256Hex(lines.sort().join(''));
  t.is(operation?.state, 'completed');
  t.deepEqual(operation?.progress, {
    done: taken,
    failed: damaged,
    skipped: 0,
    total: taken + damaged,
  });
  t.like(operation?.result, {
    added: taken,
    unchanged: 0,
    missing,
    unreadable: damaged,
    dialects: { 'v1.0': taken / 3, 'v2.0': taken - taken / 3 },
    listing_digest_before: sha256Hex(''),
    listing_digest: digest,
  });
  t.is(await harness.digest(element), digest);
  t.is((await harness.listFailures(operationId)).length, damaged + missing);
  t.is(await harness.usedBytes(element), taken * 15);
  const events = await harness.catalogue.database.query<{ file_ids: string[] }>({
    text: 'select file_ids from outbox',
  });
  const announced = events.flatMap((event) => event.file_ids);
  t.is(announced.length, taken);
  t.is(new Set(announced).size, taken);
  void worker;
});

function lineOf({ elementId }: TestElement, file: PutFile): string {
  const { fileId, storagePath, storageFilename, sidecarDigest } = file;
  return `${fileId}\t${elementId}\t${storagePath}${storageFilename}\t${sidecarDigest}\n`;
}
