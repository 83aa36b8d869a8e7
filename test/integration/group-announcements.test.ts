import { randomUUID } from 'node:crypto';
import test from 'ava';
import type { GroupId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import { createGroupAnnouncements } from '#infra/postgres/postgres-group-announcements.ts';
import { createTemporalConnection } from '#infra/temporal/temporal-connection.ts';
import { openTemporalFileLifecycle } from '#infra/temporal/temporal-file-lifecycle.ts';
import { around, createGate } from '#test/support/activity-faults.ts';
import {
  openElementHarness,
  openTemporalHarness,
  until,
  type TemporalHarness,
} from '#test/support/element-harness.ts';
import { testStack } from '#test/support/test-stack.ts';

let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

const applicationName = 'artstore-test-groups';

/** An element, and a lifecycle that hears of groups as that of an API process does. */
async function openParts() {
  const { temporalAddress: address, temporalNamespace: namespace } = testStack();
  const harness = await openElementHarness(temporal);
  const { uploads: registry, changes, journal, database, url } = harness.catalogue;
  const announcements = createGroupAnnouncements({ url, applicationName });
  const connection = createTemporalConnection({ address, namespace });
  const lifecycle = await openTemporalFileLifecycle({
    connection,
    registry,
    changes,
    journal,
    announcements,
  });
  const listeners = () =>
    database.query<{ pid: number }>(
      {
        text: `select pid from pg_stat_activity where application_name = $1
          and datname = current_database() and query like 'listen%'`,
      },
      [applicationName],
    );
  return {
    harness,
    lifecycle,
    announcements,
    /** @returns the process that serves the connection, once it listens. */
    async untilListening(except?: number): Promise<number> {
      let found: number | undefined;
      await until('somebody listens', async () => {
        found = (await listeners()).map(({ pid }) => pid).find((pid) => pid !== except);
        return found !== undefined;
      });
      return found!;
    },
    async [Symbol.asyncDispose]() {
      await lifecycle[Symbol.asyncDispose]();
      await connection[Symbol.asyncDispose]();
      await announcements[Symbol.asyncDispose]();
      await harness[Symbol.asyncDispose]();
    },
  };
}

/** Rows are written, and whoever wrote them does not come back. */
const hangAfterRecording = (gate: ReturnType<typeof createGate>) =>
  around('recordGroup', async (step) => {
    const result = await step();
    await gate.pass();
    return result;
  });

test('callers are answered when the rows are committed, before the workflow has ended', async (t) => {
  await using parts = await openParts();
  const { harness, lifecycle } = parts;
  const gate = createGate();
  await using worker = await harness.startWorker({ wrapActivities: hangAfterRecording(gate) });
  await parts.untilListening();
  const upload = await harness.receive();
  // The step would hang for ever: only the rows can have answered.
  t.deepEqual(await lifecycle.storeFile(upload), { kind: 'stored' });
  await gate.reached;
  t.is((await harness.findOne(upload.fileId)).state, 'stored');
  t.is((await harness.readElement()).whole.length, 1);
  gate.open();
  void worker;
});

test('in a group in which one file fails every caller still gets the outcome of its own', async (t) => {
  await using parts = await openParts();
  const { harness, lifecycle } = parts;
  const gate = createGate();
  await using worker = await harness.startWorker({
    wrapActivities: around('claimGroup', async (step) => {
      await gate.pass();
      return step();
    }),
  });
  await parts.untilListening();
  const opener = lifecycle.storeFile(await harness.receive());
  await gate.reached;
  const uploads = await harness.receiveMany(limits.groupFiles);
  await harness.element.discardStaged(uploads[7]!.fileId);
  const answers = uploads.map((upload) => lifecycle.storeFile(upload));
  gate.open();
  await opener;
  const outcomes = await Promise.all(answers);
  t.is(outcomes.filter(({ kind }) => kind === 'stored').length, limits.groupFiles - 1);
  const failed = outcomes[7]!;
  t.is(failed.kind === 'failed' ? failed.failure.code : null, 'CONTENT_MISSING');
  void worker;
});

test('a connection that is lost costs nothing but time, and comes back', async (t) => {
  await using parts = await openParts();
  const { harness, lifecycle } = parts;
  await using worker = await harness.startWorker();
  const pid = await parts.untilListening();
  await harness.catalogue.database.query({ text: 'select pg_terminate_backend($1)' }, [pid]);
  // Whether anybody listens now or not.
  const uploads = await harness.receiveMany(3);
  for (const upload of uploads) {
    t.deepEqual(await lifecycle.storeFile(upload), { kind: 'stored' });
  }
  await parts.untilListening(pid);
  const groupId = randomUUID() as string as GroupId;
  using expected = parts.announcements.expectGroup(groupId);
  await announce(harness.catalogue.database, `${randomUUID()} 5`);
  await announce(harness.catalogue.database, 'what nobody would say');
  await announce(harness.catalogue.database, `${groupId} 3`);
  t.is(await expected.recorded, 3);
  void worker;
});

async function announce(
  database: Awaited<ReturnType<typeof openElementHarness>>['catalogue']['database'],
  payload: string,
): Promise<void> {
  await database.query({ text: `select pg_notify('artstore_groups', $1)` }, [payload]);
}
