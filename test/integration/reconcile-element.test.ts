import { readFile, rename, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { FileId } from '#domain/ids.ts';
import type { JsonObject } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import { around, createGate } from '#test/support/activity-faults.ts';
import { openTemporalHarness, until, type TemporalHarness } from '#test/support/element-harness.ts';
import { openReconcileHarness, type ReconcileHarness } from '#test/support/reconcile-harness.ts';
import { createLanes } from '#test/support/lanes.ts';
import {
  expectedAfter,
  playReconciliation,
  reconcileScenarios,
} from '#test/support/reconcile-scenarios.ts';
import { newGroupId } from '#test/support/stored-files.ts';
import { startSweep } from '#test/support/sweep.ts';

/** What is not in somebody's hands is old enough. */
const noGrace = { pauseMs: 1, graceMs: -3_600_000 };
const inLane = createLanes(2);
let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

/** Of the content, relative to the element's root. */
async function pathOf({ world }: ReconcileHarness, fileId: FileId): Promise<string> {
  const row = await world.findRow(fileId);
  return row!.storagePath + row!.storageFilename;
}

async function forgetRow({ world }: ReconcileHarness, fileId: FileId): Promise<void> {
  const { database } = world.harness.catalogue;
  await database.query({ text: 'delete from files where file_id = $1' }, [fileId]);
}

interface Damage {
  readonly fileIds: Readonly<Record<string, FileId>>;
  readonly expected: readonly string[];
}

/** One file of each class, beside sound ones. */
async function makeDamage(harness: ReconcileHarness): Promise<Damage> {
  const { world, root } = harness;
  const names = [
    'sidecarMissing',
    'contentMissing',
    'bothMissing',
    'rowMissing',
    'changed',
    'resized',
    'malformed',
    'linked',
    'tooLarge',
    'copied',
    'deleted',
    'rowAndContentMissing',
  ];
  const ids = await world.storeFiles(names.length + 3);
  const fileIds = Object.fromEntries(names.map((name, index) => [name, ids[index]!]));
  const paths = new Map<string, string>();
  for (const name of names) paths.set(name, await pathOf(harness, fileIds[name]!));
  const at = (name: string): string => join(root, paths.get(name)!);
  const sidecarAt = (name: string): string => `${at(name)}.attr.json`;

  await unlink(sidecarAt('sidecarMissing'));
  await unlink(at('contentMissing'));
  await unlink(sidecarAt('bothMissing'));
  await unlink(at('bothMissing'));
  await forgetRow(harness, fileIds['rowMissing']!);
  const changed = JSON.parse(await readFile(sidecarAt('changed'), 'utf8')) as JsonObject;
  await writeFile(sidecarAt('changed'), JSON.stringify({ ...changed, description: 'by hand' }));
  await writeFile(at('resized'), 'short');
  await writeFile(sidecarAt('malformed'), '{"file_id": ');
  await unlink(sidecarAt('linked'));
  await symlink(sidecarAt('changed'), sidecarAt('linked'));
  await writeFile(sidecarAt('tooLarge'), Buffer.alloc(limits.sidecarReadCapBytes + 1, 0x20));
  await forgetRow(harness, fileIds['rowAndContentMissing']!);
  await unlink(at('rowAndContentMissing'));
  await harness.put('kept/copy.pdf', await readFile(at('copied')));
  await harness.put('kept/copy.pdf.attr.json', await readFile(sidecarAt('copied')));
  await world.harness.catalogue.database.query(
    {
      text: `with gone as (delete from files where file_id = $1 returning *)
        insert into tombstones (file_id, checksum, deleted_by, deleted_at, operation_id, element_id,
          storage_path, storage_filename, original_filename, file_size, sidecar_digest)
        select file_id, '', gen_random_uuid(), now(), gen_random_uuid(), element_id, storage_path,
          storage_filename, original_filename, file_size, sidecar_digest from gone`,
    },
    [fileIds['deleted']],
  );
  await harness.put('2020/01/02/03/отчет.pdf', 'orphaned', 25);
  await harness.put('2020/01/02/03/young.pdf', 'on its way', 1);
  await symlink('/etc/passwd', join(root, '2020', 'link'));
  const sidecar = (name: string): string => `${paths.get(name)}.attr.json`;
  const expected = [
    `ATTRIBUTES_MALFORMED ${sidecar('malformed')}`,
    `CONTENT_MISSING ${paths.get('contentMissing')}`,
    `CONTENT_MISSING ${paths.get('rowAndContentMissing')}`,
    'CONTENT_ORPHANED 2020/01/02/03/отчет.pdf',
    'DUPLICATE_FILE_ID kept/copy.pdf.attr.json',
    `FILE_DELETED ${sidecar('deleted')}`,
    'LOCATION_UNUSABLE 2020/link',
    `ROW_MISSING ${sidecar('rowAndContentMissing')}`,
    `ROW_MISSING ${sidecar('rowMissing')}`,
    `SIDECAR_CHANGED ${sidecar('changed')}`,
    `SIDECAR_CORRUPT ${sidecar('linked')}`,
    `SIDECAR_CORRUPT ${sidecar('tooLarge')}`,
    `SIDECAR_MISSING ${sidecar('bothMissing')}`,
    `SIDECAR_MISSING ${sidecar('sidecarMissing')}`,
    `SIZE_MISMATCH ${paths.get('resized')}`,
  ];
  return { fileIds, expected: expected.toSorted() };
}

test.serial(
  'every class of damage is reported with its path, and nothing is changed',
  async (t) => {
    await using harness = await openReconcileHarness(temporal);
    await using worker = await harness.startWorker();
    const { expected, fileIds } = await makeDamage(harness);
    const before = await harness.takeSnapshot();

    const { operation, found, findings } = await harness.run(false);
    t.deepEqual(found, expected);
    t.is(operation.state, 'completed', JSON.stringify(operation.error));
    t.like(operation.result, { files: 19, sound: 4, young: 1, busy: 0, wrong: 14 });
    t.like(operation.result, { too_many_findings: true, repaired: null });
    t.deepEqual(operation.progress, { done: 4, failed: 14, skipped: 1, total: 19 });
    t.deepEqual(operation.result?.['findings'], {
      ATTRIBUTES_MALFORMED: 1,
      CONTENT_MISSING: 2,
      CONTENT_ORPHANED: 1,
      DUPLICATE_FILE_ID: 1,
      FILE_DELETED: 1,
      LOCATION_UNUSABLE: 1,
      ROW_MISSING: 2,
      SIDECAR_CHANGED: 1,
      SIDECAR_CORRUPT: 2,
      SIDECAR_MISSING: 2,
      SIZE_MISMATCH: 1,
    });
    t.regex(operation.result?.['listing_digest'] as string, /^[0-9a-f]{64}$/);
    const changed = findings.find(({ code }) => code === 'SIDECAR_CHANGED');
    t.is(changed?.fileId, fileIds['changed']);
    t.deepEqual(await harness.takeSnapshot(), before);
    void worker;
  },
);

test.serial('only what is safe is repaired, and once', async (t) => {
  await using harness = await openReconcileHarness(temporal);
  await using worker = await harness.startWorker();
  const { world } = harness;
  const [unknown, torn, edited, lone, ...sound] = await world.storeFiles(8);
  const paths = await Promise.all([unknown, torn, edited, lone].map((id) => pathOf(harness, id!)));
  const [unknownPath, tornPath, editedPath, lonePath] = paths;
  await forgetRow(harness, unknown!);
  await forgetRow(harness, torn!);
  await unlink(join(harness.root, tornPath!));
  await writeFile(join(harness.root, `${editedPath}.attr.json`), '{}');
  await unlink(join(harness.root, `${lonePath}.attr.json`));
  await harness.put('2020/01/02/03/отчет.pdf', 'orphaned', 25);
  await harness.put('loose.bin', 'in the root', 25);
  await harness.put('2020/01/02/03/young.pdf', 'on its way', 1);
  const before = await harness.takeSnapshot();

  const { operation, findings } = await harness.run(true);
  t.is(operation.state, 'completed', JSON.stringify(operation.error));
  t.like(operation.result, {
    wrong: 6,
    repaired: { rows_added: 2, contents_quarantined: 2, left: 0 },
  });
  t.truthy(await world.findRow(unknown!));
  t.like(await world.findRow(torn!), { state: 'missing' });
  t.deepEqual(await world.eventsOf(unknown!), ['file.stored', 'files.rebuilt']);
  const repairedCodes = findings
    .filter(({ detail }) => detail.includes(' now.'))
    .map(({ code }) => code);
  t.deepEqual(repairedCodes, [
    'CONTENT_ORPHANED',
    'CONTENT_ORPHANED',
    'ROW_MISSING',
    'ROW_MISSING',
  ]);

  const quarantine = await harness.listQuarantine();
  t.deepEqual(quarantine.map(({ content }) => content).sort(), ['in the root', 'orphaned']);
  const reason = quarantine.find(({ content }) => content === 'orphaned')!.reason;
  t.like(reason, {
    path: '2020/01/02/03/отчет.pdf',
    code: 'CONTENT_ORPHANED',
    operation_id: operation.operationId,
    decided_at: operation.createdAt,
    size: 8,
  });
  const after = await harness.takeSnapshot();
  const gone = Object.keys(before.disk).filter((path) => !(path in after.disk));
  t.deepEqual(gone.sort(), ['2020/01/02/03/отчет.pdf', 'loose.bin']);
  for (const [path, seen] of Object.entries(before.disk)) {
    if (!gone.includes(path) && !path.startsWith('.artstore')) t.is(after.disk[path], seen, path);
  }
  const counters = await world.harness.counters();
  t.is(counters.usedBytes, (sound.length + 4 + 2) * 4096);

  const again = await harness.run(true);
  t.deepEqual(again.found, [
    `ATTRIBUTES_INVALID ${editedPath}.attr.json`,
    `CONTENT_MISSING ${tornPath}`,
    `SIDECAR_MISSING ${lonePath}.attr.json`,
  ]);
  t.like(again.operation.result, { repaired: { rows_added: 0, contents_quarantined: 0, left: 0 } });
  t.deepEqual((await harness.takeSnapshot()).disk, after.disk);
  t.truthy(unknownPath);
  void worker;
});

// Those with a killed worker are played with the faults.
for (const scenario of reconcileScenarios.filter(
  ({ isKilledAfter }) => isKilledAfter === undefined,
)) {
  test(`reconciling: ${scenario.name}`, async (t) => {
    const played = await inLane(() => playReconciliation(temporal, scenario));
    const { operation } = played;
    t.is(operation.state, scenario.ends, JSON.stringify(operation.error));
    t.is(operation.error?.code, scenario.code);
    t.deepEqual(played.after, expectedAfter(scenario));
  });
}

test("what is in somebody's hands is left alone", async (t) => {
  await using harness = await openReconcileHarness(temporal);
  // No grace: only the rows tell that somebody is at it.
  await using worker = await harness.startWorker({ pace: noGrace });
  const { world, root } = harness;
  const { catalogue, element } = world.harness;
  const [claimed, tombstoned] = await world.storeFiles(2);
  for (const id of [claimed, tombstoned]) {
    await unlink(join(root, `${await pathOf(harness, id!)}.attr.json`));
  }
  const mark = async (text: string, id: FileId): Promise<void> => {
    await catalogue.database.query({ text: `update files set ${text} where file_id = $1` }, [id]);
  };
  await mark(
    `claimed_by = 'delete-file/x', claim_operation_id = gen_random_uuid(), claimed_at = now()`,
    claimed!,
  );
  await mark('tombstoned_at = now()', tombstoned!);
  const uploads = await world.harness.stageMany(2);
  await catalogue.uploads.claimGroup(
    newGroupId(),
    uploads.map(({ fileId }) => fileId),
  );
  await element.commitContents(uploads);
  // One of them beyond its commit point.
  await element.writeSidecars([{ ...uploads[0]!, expectedDigest: null }]);
  const before = await harness.takeSnapshot();

  const { operation, found } = await harness.run(true);
  t.is(operation.state, 'completed', JSON.stringify(operation.error));
  t.deepEqual(found, []);
  t.like(operation.result, { busy: 4, wrong: 0 });
  t.deepEqual(await harness.takeSnapshot(), before);
  void worker;
});

test.serial(
  'nothing is found while files come, change and go, however little they are given',
  async (t) => {
    await using harness = await openReconcileHarness(temporal);
    await using worker = await harness.startWorker({ pace: { ...noGrace, batchFiles: 3 } });
    const { world } = harness;
    const { lifecycle } = world;
    const traffic = { isOver: false };
    const rounds = { stored: 0, changed: 0, deleted: 0 };
    const keepStoring = async (): Promise<void> => {
      while (!traffic.isOver) {
        const uploads = await world.harness.stageMany(3);
        const group = await world.harness.startGroup(newGroupId(), uploads);
        await group.result();
        rounds.stored += 3;
      }
    };
    const keepChanging = async (): Promise<void> => {
      while (!traffic.isOver) {
        const fileId = await world.storeFile();
        const change = await world.makeChange(fileId, `changed ${rounds.changed}`);
        // `pending` is the answer where the machine is too busy for the caller's patience.
        t.not((await lifecycle.updateAttributes(change)).kind, 'failed');
        await until('the change is through', async () => {
          return (await world.findStanding(change.operationId))?.state === 'completed';
        });
        rounds.changed += 1;
        if (rounds.changed % 2 === 0) continue;
        await lifecycle.deleteFile(world.makeDeletion(fileId));
        rounds.deleted += 1;
      }
    };
    const busy = Promise.all([keepStoring(), keepChanging(), keepChanging()]);
    busy.catch(() => undefined);
    try {
      for (let turn = 0; turn < 12; turn += 1) {
        const { operation, found } = await harness.run(turn % 2 === 0);
        t.deepEqual(found, [], `turn ${turn}`);
        t.is(operation.state, 'completed');
      }
    } finally {
      traffic.isOver = true;
      await busy;
    }
    t.true(rounds.stored > 0 && rounds.changed > 0 && rounds.deleted > 0, JSON.stringify(rounds));
    t.deepEqual(await harness.listQuarantine(), []);
    await until('the last deletion is through', async () => {
      const { rows, disk } = await harness.takeSnapshot();
      const names = Object.keys(disk).filter((path) => path.endsWith('.pdf'));
      return rows.length === names.length;
    });
    const report = await world.harness.readElement();
    t.deepEqual(
      [report.content_without_sidecar, report.sidecar_without_content, report.damaged],
      [[], [], []],
    );
    void worker;
  },
);

test.serial(
  'without its marker nothing is concluded: it waits until the element is back',
  async (t) => {
    await using harness = await openReconcileHarness(temporal);
    await using worker = await harness.startWorker({ pace: { pauseMs: 1, batchFiles: 2 } });
    const { root, world } = harness;
    await world.storeFiles(6);
    await rename(root, `${root}.away`);
    const started = await harness.start(true);
    await until('it has tried in vain', async () => {
      const { pendingActivities } = (await started.handle.describe()).raw;
      return pendingActivities?.some(({ attempt }) => (attempt ?? 0) > 2) === true;
    });
    await rename(`${root}.away`, root);
    const { operation, found } = await harness.findEnd(started);
    t.deepEqual(found, []);
    t.like(operation.result, { sound: 6, wrong: 0 });
    void worker;
  },
);

test.serial(
  'content that lies on cold media is no finding, and an archive is not repaired',
  async (t) => {
    await using harness = await openReconcileHarness(temporal);
    await using worker = await harness.startWorker();
    const [first, second] = await harness.world.storeFiles(2);
    const path = await pathOf(harness, first!);
    await unlink(join(harness.root, path));
    t.deepEqual((await harness.run(false)).found, [`CONTENT_MISSING ${path}`]);
    await harness.setMode('ar');
    t.deepEqual((await harness.run(false)).found, []);
    await forgetRow(harness, second!);
    const refused = await harness.run(true);
    t.is(refused.operation.error?.code, 'MODE_FORBIDS_OPERATION');
    t.deepEqual(refused.found, []);
    t.is(await harness.world.findRow(second!), null);
    void worker;
  },
);

test.serial('a mode that changes on the way ends the repairs', async (t) => {
  await using harness = await openReconcileHarness(temporal);
  await using worker = await harness.startWorker({
    wrapActivities: around('repairFindings', async (step) => {
      await harness.setMode('ro');
      return step();
    }),
  });
  const [unknown] = await harness.world.storeFiles(2);
  await forgetRow(harness, unknown!);
  await harness.put('2020/01/02/03/orphan.pdf', 'orphaned', 48);
  const { operation, found } = await harness.run(true);
  t.is(operation.state, 'failed');
  t.is(found.length, 2);
  t.is(await harness.world.findRow(unknown!), null);
  t.deepEqual(await harness.listQuarantine(), []);
  void worker;
});

test.serial('a reconciliation that was ended by force is ended by the sweep', async (t) => {
  await using harness = await openReconcileHarness(temporal);
  const gate = createGate();
  await using worker = await harness.startWorker({
    sweepAges: { stalledGroupIdleMs: 0 },
    wrapActivities: around('compareFiles', async (step) => {
      await gate.pass();
      return step();
    }),
  });
  await harness.world.storeFiles(1);
  const started = await harness.start(true);
  await gate.reached;
  await started.handle.terminate();
  const sweep = await startSweep(temporal, harness.world.harness);
  await sweep.result();
  gate.open();
  const { operation } = await harness.findEnd(started);
  t.like(operation, { state: 'failed', error: { code: 'WORKFLOWS_UNAVAILABLE' } });
  t.is((await harness.run(false)).operation.state, 'completed');
  void worker;
});
