import { randomUUID } from 'node:crypto';
import test from 'ava';
import type { FileId, OperationId } from '#domain/ids.ts';
import type { AttributesChange } from '#domain/ports/file-lifecycle.ts';
import { newOperationId } from '#test/support/change-harness.ts';
import {
  edit01,
  openTestCatalogue,
  rw01,
  type TestCatalogue,
} from '#test/support/open-test-catalogue.ts';
import { newAccountId, storeFiles } from '#test/support/stored-files.ts';

const refusal = { code: 'WORKFLOWS_UNAVAILABLE', detail: 'A fault of the test.' } as const;

interface World {
  readonly catalogue: TestCatalogue;
  readonly fileId: FileId;
  readonly digest: string;
  readonly makeChange: (more?: Partial<AttributesChange>) => AttributesChange;
  readonly open: (more?: Partial<AttributesChange>) => Promise<OperationId>;
  readonly openDeletion: (fileId?: FileId) => Promise<OperationId>;
}

async function withFile(
  run: (world: World) => Promise<void>,
  policy: 'temporary' | 'permanent' = 'temporary',
) {
  await using catalogue = await openTestCatalogue();
  const [upload] = await storeFiles(catalogue.uploads, [{ retentionPolicy: policy }]);
  const { fileId, elementId, sidecar, sidecarDigest: digest } = upload!;
  const { changes } = catalogue;
  const makeChange = (more: Partial<AttributesChange> = {}): AttributesChange => {
    const next = { ...JSON.parse(sidecar), revision: 2, tags: ['новый'], description: 'после' };
    return {
      operationId: newOperationId(),
      fileId,
      elementId,
      startedBy: newAccountId(),
      expectedDigest: digest,
      sidecar: JSON.stringify(next),
      sidecarDigest: 'a'.repeat(64),
      ...more,
    };
  };
  await run({
    catalogue,
    fileId,
    digest,
    makeChange,
    async open(more) {
      const change = makeChange(more);
      await changes.openAttributesChange(change, `update-attributes/${change.operationId}`);
      return change.operationId;
    },
    async openDeletion(id = fileId) {
      const deletion = {
        operationId: newOperationId(),
        fileId: id,
        elementId,
        startedBy: newAccountId(),
        expectedDigest: null,
        graceMs: 0,
      };
      return (await changes.openDeletion(deletion, `delete-file/${id}`)).operationId;
    },
  });
}

test('of many who claim one file at once, one gets it and keeps it', (t) =>
  withFile(async ({ catalogue: { changes }, digest, open }) => {
    const operations = await Promise.all(Array.from({ length: 20 }, () => open()));
    const outcomes = await Promise.all(operations.map((id) => changes.claimFile(id, digest)));
    const winners = operations.filter((_, index) => outcomes[index]?.kind === 'claimed');
    t.is(winners.length, 1);
    const [holder] = winners;
    const others = outcomes.filter(({ kind }) => kind !== 'claimed');
    t.deepEqual(
      others,
      others.map(() => ({
        kind: 'busy' as const,
        workflowId: `update-attributes/${holder}`,
        operationId: holder!,
      })),
    );
    t.deepEqual(await changes.claimFile(holder!, digest), { kind: 'claimed' }, 'a repetition');
    t.true((await changes.findChange(holder!))?.isClaimed);
    await changes.giveUpChange(holder!, 'failed', refusal);
    t.like(await changes.claimFile(holder!, digest), { kind: 'operation-ended' });
    const next = operations.find((id) => id !== holder)!;
    t.deepEqual(await changes.claimFile(next, digest), { kind: 'claimed' });
  }));

test('a claim is refused for its reason', (t) =>
  withFile(async ({ catalogue, digest, open, openDeletion }) => {
    const { changes, database } = catalogue;
    t.like(await changes.claimFile(await open(), 'b'.repeat(64)), { kind: 'digest-differs' });
    const elsewhere = await open({ fileId: randomUUID() as FileId });
    t.like(await changes.claimFile(elsewhere, digest), { kind: 'not-found' });
    t.like(await changes.claimFile(newOperationId(), digest), { kind: 'operation-ended' });
    const deletion = await openDeletion();
    const late = await open();
    t.deepEqual(await changes.claimFile(deletion, digest), { kind: 'claimed' });
    t.like(await changes.claimFile(late, digest), { kind: 'not-found' });
    await changes.giveUpChange(deletion, 'cancelled', refusal);
    await database.query({ text: `update storage_elements set mode = 'ro'` });
    t.like(await changes.claimFile(late, digest), { kind: 'mode-forbids', mode: 'ro' });
  }));

test('rw forbids to delete and lets attributes be changed', (t) =>
  withFile(async ({ catalogue: { changes }, digest, open, openDeletion }) => {
    const deletion = await openDeletion();
    t.like(await changes.claimFile(deletion, digest), { kind: 'mode-forbids', mode: 'rw' });
    t.deepEqual(await changes.claimFile(await open({ elementId: rw01 }), digest), {
      kind: 'claimed',
    });
  }, 'permanent'));

test('a recorded change is whole, and recording it again changes nothing', (t) =>
  withFile(async ({ catalogue, fileId, digest, open }) => {
    const { changes, files, journal, operations } = catalogue;
    const operationId = await open();
    t.false(await changes.recordAttributes(operationId), 'not without the claim');
    await changes.claimFile(operationId, digest);
    for (const _ of [1, 2]) t.true(await changes.recordAttributes(operationId));
    t.like(await files.findFile(fileId), { sidecarDigest: 'a'.repeat(64) });
    const page = await files.listFiles({
      filters: { tag: 'новый' },
      sort: 'created_at',
      order: 'asc',
      limit: 10,
      after: null,
      includeTotal: false,
    });
    t.deepEqual(
      page.files.map((file) => file.fileId),
      [fileId],
    );
    t.like(await operations.findOperation(operationId), { state: 'completed', error: null });
    t.deepEqual(await eventsOf(catalogue), ['file.stored', 'file.attributes_changed']);
    await changes.giveUpChange(operationId, 'failed', refusal);
    t.like((await journal.findStandings([operationId]))[0], { state: 'completed' });
  }));

test('a row that a rebuild brought to the new sidecar lets the change end well', (t) =>
  withFile(async ({ catalogue, fileId, digest, open }) => {
    const { changes, database } = catalogue;
    const operationId = await open();
    await changes.claimFile(operationId, digest);
    await database.query(
      {
        text: `update files set claimed_by = null, claim_operation_id = null, claimed_at = null,
          sidecar_digest = $2 where file_id = $1`,
      },
      [fileId, 'a'.repeat(64)],
    );
    t.true(await changes.recordAttributes(operationId));
    t.deepEqual(await eventsOf(catalogue), ['file.stored']);
  }));

test('a deletion hides the file, can be undone, and leaves a record', (t) =>
  withFile(async ({ catalogue, fileId, digest, openDeletion }) => {
    const { changes, files, elements } = catalogue;
    const before = await elements.findElement(edit01);
    const first = await openDeletion();
    t.is(await openDeletion(), first, 'one at a time');
    t.false(await changes.purgeFile(first, 'c'.repeat(64)), 'not without the claim');
    await changes.claimFile(first, digest);
    t.is(await files.findFile(fileId), null);
    t.deepEqual([...(await changes.findPresent([fileId]))], [fileId]);
    for (const _ of [1, 2]) await changes.giveUpChange(first, 'cancelled', refusal);
    t.not(await files.findFile(fileId), null);
    const second = await openDeletion();
    t.not(second, first);
    await changes.claimFile(second, digest);
    for (const _ of [1, 2]) t.true(await changes.purgeFile(second, 'c'.repeat(64)));
    t.is((await changes.findPresent([fileId])).size, 0);
    t.not(await files.findDeletedAt(fileId), null);
    t.is((await elements.findElement(edit01))!.usedBytes, before!.usedBytes - 4096);
    t.deepEqual(await eventsOf(catalogue), [
      'file.stored',
      'file.deletion_started',
      'file.deletion_cancelled',
      'file.deletion_started',
      'file.deleted',
    ]);
  }));

test('claims without a living operation are released, tombstones are not lifted', (t) =>
  withFile(async ({ catalogue, digest, open }) => {
    const { changes, database } = catalogue;
    const operationId = await open();
    await changes.claimFile(operationId, digest);
    t.is(await changes.releaseOrphanedClaims(edit01, 0), 0, 'it is alive');
    await database.query({ text: 'delete from operations' });
    t.is(await changes.releaseOrphanedClaims(edit01, 3_600_000), 0, 'it is young');
    t.is(await changes.releaseOrphanedClaims(rw01, 0), 0, 'of another element');
    await database.query({ text: 'update files set tombstoned_at = now()' });
    t.is(await changes.releaseOrphanedClaims(edit01, 0), 0, 'it is being deleted');
    await database.query({ text: 'update files set tombstoned_at = null' });
    t.is(await changes.releaseOrphanedClaims(edit01, 0), 1);
    t.deepEqual(await changes.claimFile(await open(), digest), { kind: 'claimed' });
  }));

async function eventsOf({ database }: TestCatalogue): Promise<string[]> {
  const rows = await database.query<{ type: string }>({
    text: 'select type from outbox order by transaction_id, sequence',
  });
  return rows.map(({ type }) => type);
}
