import { mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { FileId } from '#domain/ids.ts';
import type { JsonObject } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import { PostgresFileSearch } from '#infra/postgres/postgres-file-search.ts';
import { openChangeHarness } from '#test/support/change-harness.ts';
import { openTemporalHarness, type TemporalHarness } from '#test/support/element-harness.ts';
import { createLanes } from '#test/support/lanes.ts';
import {
  codec,
  createRebuilds,
  helloContent,
  newAttributes,
  openRebuildHarness,
  putFile,
  putPair,
  sha256Hex,
  startRebuildWorker,
  type PutFile,
  type RebuildHarness,
} from '#test/support/rebuild-harness.ts';
import { newAccountId, newFileId, uploadRequest } from '#test/support/stored-files.ts';

const inLane = createLanes(2);
let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

const samplesFolder = new URL('../fixtures/sidecars/', import.meta.url);

const refusedSamples: Record<string, string> = {
  'bad-array': 'ATTRIBUTES_INVALID',
  'bad-bom': 'ATTRIBUTES_MALFORMED',
  'bad-checksum-short': 'ATTRIBUTES_INVALID',
  'bad-deep': 'ATTRIBUTES_MALFORMED',
  'bad-duplicate-key': 'ATTRIBUTES_MALFORMED',
  'bad-empty': 'ATTRIBUTES_MALFORMED',
  'bad-missing-file-id': 'ATTRIBUTES_INVALID',
  'bad-nan': 'ATTRIBUTES_MALFORMED',
  'bad-negative-size': 'ATTRIBUTES_INVALID',
  'bad-not-utf8': 'ATTRIBUTES_MALFORMED',
  'bad-truncated': 'ATTRIBUTES_MALFORMED',
  'bad-version-future': 'ATTRIBUTES_VERSION_UNSUPPORTED',
  'bad-version-null': 'ATTRIBUTES_VERSION_UNSUPPORTED',
};

interface Row {
  readonly file_id: FileId;
  readonly element_id: string;
  readonly storage_path: string;
  readonly storage_filename: string;
  readonly state: string;
  readonly revision: number;
  readonly sidecar_digest: string;
  readonly attributes: string;
}

/** Everything that a row holds but its place on the disk of the database. */
async function readRows({ catalogue }: Pick<RebuildHarness, 'catalogue'>): Promise<readonly Row[]> {
  return catalogue.database.query<Row>({
    text: `select *, search_vector::text as words from files order by file_id`,
  });
}

async function readEvents({ catalogue }: Pick<RebuildHarness, 'catalogue'>) {
  return catalogue.database.query<{ type: string; subject_id: string; file_ids: FileId[] }>({
    text: `select type, subject_id, file_ids from outbox order by transaction_id, sequence`,
  });
}

test('every sample is decided, and what is decided names its reason', (t) =>
  inLane(async () => {
    await using harness = await openRebuildHarness(temporal);
    const element = await harness.addElement('rw');
    const names = (await readdir(samplesFolder)).map((name) => name.replace(/\.attr\.json$/, ''));
    for (const name of names) {
      const text = await readFile(new URL(`${name}.attr.json`, samplesFolder), 'latin1');
      const sidecar = Buffer.from(
        text.replaceAll('a1b2c3d4-e5f6-7890-abcd-ef1234567890', newFileId()),
        'latin1',
      );
      const content = name === 'v1-empty-file' ? Buffer.alloc(0) : helloContent;
      await putPair(
        element,
        { storagePath: 'samples/', storageFilename: name },
        { sidecar, content },
      );
    }
    await using worker = await harness.startWorker(element);
    const operation = await harness.runRebuild(element);
    const rows = await readRows(harness);
    const failures = await harness.listFailures(operation.operationId);
    const refused = failures.filter(({ code }) => code !== 'ATTRIBUTES_TOO_LARGE');
    t.deepEqual(
      Object.fromEntries(refused.map(({ path, code }) => [path, code])),
      Object.fromEntries(
        Object.entries(refusedSamples).map(([name, code]) => [`samples/${name}.attr.json`, code]),
      ),
    );
    t.true(failures.every(({ detail }) => detail.length > 0));
    t.deepEqual(
      rows.map((row) => row.storage_filename).sort(),
      names.filter((name) => !Object.hasOwn(refusedSamples, name)).sort(),
    );
    for (const row of rows) {
      t.is(row.storage_path, 'samples/');
      t.is(row.state, 'stored', row.storage_filename);
      const path = new URL(`${row.storage_filename}.attr.json`, samplesFolder);
      const text = (await readFile(path, 'latin1')).replaceAll(
        'a1b2c3d4-e5f6-7890-abcd-ef1234567890',
        row.file_id,
      );
      const parsed = codec.parseSidecar(Buffer.from(text, 'latin1'), {
        storagePath: row.storage_path,
        storageFilename: row.storage_filename,
      });
      t.is(row.sidecar_digest, parsed.digest);
      t.deepEqual(codec.parseAttributes(row.attributes), parsed.attributes);
    }
    const oversized = failures.find(({ code }) => code === 'ATTRIBUTES_TOO_LARGE');
    t.is(oversized?.path, 'samples/over-limit.attr.json');
    t.like(operation.result, {
      added: rows.length,
      unreadable: Object.keys(refusedSamples).length,
      oversized: 1,
      dialects: {
        'legacy-upload': 1,
        readme: 1,
        sectioned: 1,
        'prefixed-checksum': 1,
        'v1.0': 9,
        'v2.0': 4,
      },
    });
    t.deepEqual(operation.progress, {
      done: rows.length,
      failed: refused.length,
      skipped: 0,
      total: names.length,
    });
    void worker;
  }));

test('from an empty database everything comes back: rows, retention, holds, search, counters', (t) =>
  inLane(async () => {
    await using world = await openChangeHarness(temporal);
    const { harness } = world;
    const { catalogue, elementId } = harness;
    const rebuilds = createRebuilds(temporal, catalogue);
    await world.storeFiles(7, { description: 'накладная', custom_attributes: { сумма: 12.5 } });
    const hold = {
      id: 'дело-7',
      reason: 'проверка',
      placed_by: newAccountId(),
      placed_at: '2026-02-01T00:00:00.123456789+00:00',
    };
    await world.storeFile({
      tags: ['договор', 'важное'],
      retention: {
        policy: 'permanent',
        retain_until: '2040-01-01T00:00:00+00:00',
        legal_holds: [hold],
      },
      revision: 4,
      неизвестное: { большое: JSON.rawJSON('12345678901234567890') },
    });
    const before = await readRows({ catalogue });
    const digest = await rebuilds.digest(harness);
    const used = await rebuilds.usedBytes(harness);
    await rebuilds.forgetFiles();
    await using worker = await startRebuildWorker({
      ...temporal,
      elementId,
      databaseUrl: catalogue.url,
      pace: { batchFiles: 3 },
    });
    const operation = await rebuilds.runRebuild(harness);
    t.is(operation.state, 'completed');
    t.like(operation.result, {
      added: 8,
      listing_digest_before: sha256Hex(''),
      listing_digest: digest,
    });
    t.deepEqual(await readRows({ catalogue }), before);
    t.is(await rebuilds.usedBytes(harness), used);
    const events = await readEvents({ catalogue });
    t.deepEqual([...new Set(events.map(({ type }) => type))], ['files.rebuilt']);
    t.deepEqual([...new Set(events.map((event) => event.subject_id))], [elementId]);
    t.deepEqual(
      events.flatMap((event) => event.file_ids).sort(),
      before.map((row) => row.file_id),
    );
    t.is(events.length, 3, 'one event for each batch');
    const search = new PostgresFileSearch(catalogue.database);
    const found = await search.searchFiles({
      text: 'накладные',
      mode: 'fulltext',
      filters: {},
      sort: 'relevance',
      order: 'desc',
      limit: 100,
      after: null,
      withHighlight: false,
      facets: [],
    });
    t.is(found.hits.length, 7);
    t.deepEqual(await rebuilds.listFailures(operation.operationId), []);

    // Once more: nothing to do, and nothing said.
    const again = await rebuilds.runRebuild(harness);
    t.like(again.result, {
      added: 0,
      updated: 0,
      unchanged: 8,
      listing_digest_before: digest,
      listing_digest: digest,
    });
    t.deepEqual(await readRows({ catalogue }), before);
    t.is(await rebuilds.usedBytes(harness), used);
    t.is((await readEvents({ catalogue })).length, events.length);
    void worker;
  }));

for (const order of ['first', 'second'] as const) {
  test(`of two elements with one file the same one wins: the file is rebuilt ${order}`, (t) =>
    inLane(async () => {
      await using harness = await openRebuildHarness(temporal);
      const source = await harness.addElement('edit');
      const target = await harness.addElement('rw');
      const cases = [
        { name: 'revision', loser: { revision: 2 }, winner: { revision: 3 } },
        { name: 'v1', loser: {}, winner: { revision: 2 } },
        {
          name: 'finalised',
          loser: { revision: 2, retention: finalisedAt(1) },
          winner: { revision: 2, retention: finalisedAt(2) },
        },
      ];
      const winners: PutFile[] = [];
      for (const { name, loser, winner } of cases) {
        const fileId = newFileId();
        const place = { storagePath: 'дубли/', storageFilename: name };
        await putFile(source, { file_id: fileId, ...loser }, place);
        winners.push(await putFile(target, { file_id: fileId, ...winner }, place));
      }
      await using one = await harness.startWorker(source);
      await using two = await harness.startWorker(target);
      const elements = order === 'first' ? [target, source] : [source, target];
      const results = [];
      for (const element of elements) {
        const operation = await harness.runRebuild(element);
        results.push(operation.result);
        const failures = await harness.listFailures(operation.operationId);
        // Whoever comes second says it, and always of the one that is not the file.
        t.deepEqual(
          failures.map(({ code, elementId, path }) => ({ code, elementId, path })).sort(byPath),
          element === elements[0]
            ? []
            : cases
                .map(({ name }) => ({
                  code: 'DUPLICATE_FILE_ID' as const,
                  elementId: source.elementId,
                  path: `дубли/${name}.attr.json`,
                }))
                .sort(byPath),
        );
      }
      const changes = order === 'first' ? { added: 0 } : { updated: 3 };
      t.like(results[1], { ...changes, duplicates: 3 });
      const rows = await readRows(harness);
      t.deepEqual(
        rows.map((row) => [row.file_id, row.element_id, row.sidecar_digest]),
        winners
          .map(({ fileId, sidecarDigest }) => [fileId, target.elementId, sidecarDigest])
          .sort(),
      );
      t.is(await harness.usedBytes(source), 0);
      t.is(await harness.usedBytes(target), 3 * helloContent.length);
      void [one, two];
    }));
}

const byPath = (left: { path: string | null }, right: { path: string | null }): number =>
  String(left.path) < String(right.path) ? -1 : 1;

function finalisedAt(day: number): JsonObject {
  return { policy: 'permanent', finalized_at: `2026-01-0${day}T00:00:00+00:00` };
}

test('two that tie are reported, and the one in the catalogue stays', (t) =>
  inLane(async () => {
    await using harness = await openRebuildHarness(temporal);
    const [one, two] = [await harness.addElement(), await harness.addElement('rw')];
    const fileId = newFileId();
    const first = await putFile(one, { file_id: fileId, description: 'первый' });
    await putFile(two, { file_id: fileId, description: 'второй' });
    await using workerOne = await harness.startWorker(one);
    await using workerTwo = await harness.startWorker(two);
    await harness.runRebuild(one);
    const operation = await harness.runRebuild(two);
    t.like(operation.result, { added: 0, duplicates: 1 });
    t.like(operation.progress, { done: 0, failed: 1 });
    const [failure] = await harness.listFailures(operation.operationId);
    t.like(failure, { code: 'DUPLICATE_FILE_ID', fileId, elementId: two.elementId });
    const [row, ...others] = await readRows(harness);
    t.like(row, { element_id: one.elementId, sidecar_digest: first.sidecarDigest });
    t.deepEqual(others, []);
    void [workerOne, workerTwo];
  }));

test('rows are replaced only by a higher revision, and never under a claim or a tombstone', (t) =>
  inLane(async () => {
    await using harness = await openRebuildHarness(temporal);
    const element = await harness.addElement();
    const { database, uploads } = harness.catalogue;
    const put: Record<string, PutFile> = {};
    for (const name of ['higher', 'claimed', 'tombstoned', 'changed', 'damaged']) {
      put[name] = await putFile(element, { revision: 2 });
    }
    await using worker = await harness.startWorker(element);
    t.like((await harness.runRebuild(element)).result, { added: 5 });
    const used = await harness.usedBytes(element);
    const rows = await readRows(harness);

    // Behind everybody's back: a revision more for all, but one of them only looks so.
    for (const [name, file] of Object.entries(put)) {
      const row = rows.find((found) => found.file_id === file.fileId)!;
      const attributes = codec.parseAttributes(row.attributes);
      const revision = name === 'changed' ? 2 : 3;
      const { text } = codec.encodeSidecar({ ...attributes, revision, description: name });
      await putPair(element, file, { sidecar: text });
    }
    await database.query(
      {
        text: `update files set claimed_by = 'update-attributes/x', claimed_at = now(),
        claim_operation_id = gen_random_uuid() where file_id = $1`,
      },
      [put['claimed']!.fileId],
    );
    await database.query({ text: `update files set tombstoned_at = now() where file_id = $1` }, [
      put['tombstoned']!.fileId,
    ]);
    await database.query({ text: `update files set state = 'corrupt' where file_id = $1` }, [
      put['damaged']!.fileId,
    ]);
    const purged = await putFile(element);
    await database.query(
      {
        text: `insert into tombstones (file_id, checksum, deleted_by, deleted_at, operation_id,
          element_id, storage_path, storage_filename, original_filename, file_size, sidecar_digest)
        values ($1, '', $2, now(), $2, $3, '', '', '', 0, '')`,
      },
      [purged.fileId, newAccountId(), element.elementId],
    );
    const inFlight = await putFile(element);
    await database.query(
      { text: `update storage_elements set priority = 1 where element_id = $1` },
      [element.elementId],
    );
    await uploads.openUpload(uploadRequest({ fileId: inFlight.fileId }));

    const operation = await harness.runRebuild(element);
    t.like(operation.result, {
      added: 0,
      updated: 2,
      unchanged: 0,
      in_flight: 2,
      tombstoned: 2,
      changed: 1,
    });
    t.deepEqual(operation.progress, { done: 2, failed: 1, skipped: 4, total: 7 });
    const failures = await harness.listFailures(operation.operationId);
    t.deepEqual(
      failures.map(({ code, fileId }) => [code, fileId]),
      [['SIDECAR_CHANGED', put['changed']!.fileId]],
    );
    const revisions = new Map((await readRows(harness)).map((row) => [row.file_id, row]));
    t.like(revisions.get(put['higher']!.fileId), { revision: 3, state: 'stored' });
    t.like(revisions.get(put['damaged']!.fileId), { revision: 3, state: 'corrupt' });
    for (const name of ['claimed', 'tombstoned', 'changed']) {
      t.like(revisions.get(put[name]!.fileId), { revision: 2 }, name);
    }
    t.is(revisions.size, 5);
    t.is(await harness.usedBytes(element), used);
    const announced = (await readEvents(harness)).slice(1).flatMap((event) => event.file_ids);
    t.deepEqual(announced.sort(), [put['higher']!.fileId, put['damaged']!.fileId].sort());
    void worker;
  }));

test('damage is taken as it is and reported; what is no sidecar is left where it is', (t) =>
  inLane(async () => {
    await using harness = await openRebuildHarness(temporal);
    const element = await harness.addElement('rw');
    const attributes = newAttributes();
    const forged = codec.encodeSidecar(attributes).text.replace('"revision":1', '"revision":2');
    await putPair(element, { storagePath: 'a/', storageFilename: 'forged' }, { sidecar: forged });
    const missing = await putFile(element, {}, { storagePath: 'a/', content: null });
    const shorter = await putFile(element, {}, { storagePath: 'a/', content: Buffer.from('x') });
    const compressed = await putFile(
      element,
      { stored: { encoding: 'gzip', size: 1, checksum: 'a'.repeat(64) } },
      { storagePath: 'a/', content: Buffer.from('x') },
    );
    const atRoot = await putFile(element, {}, { storagePath: '', storageFilename: 'в корне.pdf' });
    const large = newAttributes({ metadata: { text: 'ж'.repeat(500_000) } });
    const largeText = codec.encodeForCatalogue(large);
    t.true(Buffer.byteLength(largeText) < limits.sidecarReadCapBytes);
    await putPair(element, { storagePath: 'a/', storageFilename: 'large' }, { sidecar: largeText });
    const huge = Buffer.alloc(limits.sidecarReadCapBytes + 1, 0x20);
    await putPair(element, { storagePath: 'a/', storageFilename: 'huge' }, { sidecar: huge });
    // Content alone, and what no rule of ours would make.
    await writeFile(join(element.root, 'a', 'alone'), 'x');
    await symlink('/etc/passwd', join(element.root, 'a', 'link.attr.json'));
    await writeFile(join(element.root, 'a', '.attr.json'), '{}');
    await mkdir(join(element.root, 'a', 'directory.attr.json'));

    await using worker = await harness.startWorker(element);
    const operation = await harness.runRebuild(element);
    const states = new Map((await readRows(harness)).map((row) => [row.file_id, row.state]));
    t.deepEqual(
      [...states].sort(),
      (
        [
          [attributes.file_id as FileId, 'suspect'],
          [missing.fileId, 'missing'],
          [shorter.fileId, 'suspect'],
          [compressed.fileId, 'stored'],
          [atRoot.fileId, 'stored'],
          [large.file_id as FileId, 'stored'],
        ] as const
      )
        .map((pair) => [...pair])
        .sort(),
    );
    const failures = await harness.listFailures(operation.operationId);
    t.deepEqual(
      failures.map(({ code, path }) => `${code} ${path}`).sort(),
      [
        'ATTRIBUTES_TOO_LARGE a/huge.attr.json',
        'ATTRIBUTES_TOO_LARGE a/large.attr.json',
        `CONTENT_MISSING a/${missing.storageFilename}.attr.json`,
        'INTEGRITY_MISMATCH a/forged.attr.json',
        'LOCATION_UNUSABLE a/.attr.json',
        'LOCATION_UNUSABLE a/link.attr.json',
        `SIZE_MISMATCH a/${shorter.storageFilename}.attr.json`,
      ].sort(),
    );
    t.like(operation.result, {
      added: 6,
      suspect: 2,
      missing: 1,
      oversized: 1,
      unreadable: 1,
      unusable: 2,
    });
    t.deepEqual(operation.progress, { done: 6, failed: 3, skipped: 0, total: 9 });
    const row = await harness.catalogue.files.findFile(atRoot.fileId);
    t.like(row, { storagePath: '', storageFilename: 'в корне.pdf' });
    void worker;
  }));

test('on cold media the sidecars are the files', (t) =>
  inLane(async () => {
    await using harness = await openRebuildHarness(temporal);
    const element = await harness.addElement('ar');
    const { fileId } = await putFile(element, {}, { content: null });
    await using worker = await harness.startWorker(element);
    const operation = await harness.runRebuild(element);
    t.like((await readRows(harness))[0], { file_id: fileId, state: 'archived' });
    t.like(operation.result, { added: 1, missing: 0 });
    t.deepEqual(await harness.listFailures(operation.operationId), []);
    void worker;
  }));

test('thousands of many dialects, damaged ones among them, in many batches and turns', (t) =>
  inLane(async () => {
    await using harness = await openRebuildHarness(temporal);
    const element = await harness.addElement('rw');
    const count = 3_000;
    const legacy = await readFile(new URL('legacy-upload.attr.json', samplesFolder), 'utf8');
    const sectioned = await readFile(new URL('sectioned.attr.json', samplesFolder), 'utf8');
    const kinds: ((fileId: string) => string)[] = [
      (fileId) => codec.encodeSidecar(newAttributes({ file_id: fileId })).text,
      (fileId) => JSON.stringify(codec.toV1(newAttributes({ file_id: fileId })).document),
      (fileId) => legacy.replace('a1b2c3d4-e5f6-7890-abcd-ef1234567890', fileId),
      (fileId) => sectioned.replace('a1b2c3d4-e5f6-7890-abcd-ef1234567890', fileId),
      () => '{"file_id": ',
    ];
    const indexes = Array.from({ length: count }, (_, index) => index);
    for (let start = 0; start < count; start += 100) {
      await Promise.all(
        indexes.slice(start, start + 100).map((index) => {
          const kind = kinds[index % kinds.length]!;
          const location = {
            storagePath: `${index % 7}/${index % 3}/`,
            storageFilename: `${index}`,
          };
          return putPair(element, location, { sidecar: kind(newFileId()) });
        }),
      );
    }
    await using worker = await harness.startWorker(element, {
      pace: { batchFiles: 70, turnMs: 100 },
    });
    const started = await harness.startRebuild(element);
    const operation = await harness.findEnded(started);
    const each = count / kinds.length;
    t.deepEqual(operation.progress, { done: 4 * each, failed: each, skipped: 0, total: count });
    t.like(operation.result, {
      added: 4 * each,
      unreadable: each,
      dialects: { 'v2.0': each, 'v1.0': each, 'legacy-upload': each, sectioned: each },
      listing_digest: await harness.digest(element),
    });
    t.is((await harness.listFailures(operation.operationId)).length, each);
    t.is(new Set((await readRows(harness)).map((row) => row.file_id)).size, 4 * each);
    void worker;
  }));
