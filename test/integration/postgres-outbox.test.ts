import { randomUUID } from 'node:crypto';
import test from 'ava';
import { Client } from 'pg';
import { limits } from '#domain/limits.ts';
import type { OutboxEvent, OutboxPosition } from '#domain/ports/outbox.ts';
import { createOutboxListener } from '#infra/postgres/outbox-listener.ts';
import { PostgresOutbox } from '#infra/postgres/postgres-outbox.ts';
import { until } from '#test/support/element-harness.ts';
import { openTestCatalogue } from '#test/support/open-test-catalogue.ts';

async function openOutbox() {
  const catalogue = await openTestCatalogue();
  const applicationName = 'artstore-test-listener';
  const listener = createOutboxListener({ url: catalogue.url, applicationName });
  const clients: Client[] = [];
  return {
    catalogue,
    outbox: new PostgresOutbox(catalogue.database, listener),
    applicationName,
    /** Its own connection, so that a transaction can stay open. */
    async connect(): Promise<Client> {
      const client = new Client({ connectionString: catalogue.url });
      await client.connect();
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client.end();
      await listener[Symbol.asyncDispose]();
      await catalogue[Symbol.asyncDispose]();
    },
  };
}

const insert = `insert into outbox (type, subject_type, subject_id, file_ids, data)
  values ('test', 'test', $1, array[$2::uuid], '{"n": 12345678901234567890}')`;

async function write(client: Client, name: string, daysAgo = 0): Promise<void> {
  await client.query(insert, [name, randomUUID()]);
  if (daysAgo === 0) return;
  await client.query(
    `update outbox set occurred_at = now() - $2::int * interval '1 day' where subject_id = $1`,
    [name, daysAgo],
  );
}

const namesOf = (events: readonly OutboxEvent[]) => events.map(({ subject }) => subject.id);
const positionOf = ({ transactionId, sequence }: OutboxPosition) => ({ transactionId, sequence });

test('no row is skipped when transactions take numbers early and commit late, out of order', async (t) => {
  await using feed = await openOutbox();
  const writers = await Promise.all(Array.from({ length: 8 }, () => feed.connect()));
  const committed = new Set<string>();
  const read: string[] = [];
  let isWriting = true;

  async function readAll(): Promise<void> {
    let position: OutboxPosition | null = null;
    let patienceTurns = 500;
    for (;;) {
      const hadEnded = !isWriting;
      const events: readonly OutboxEvent[] = await feed.outbox.readAfter(position, 7);
      read.push(...namesOf(events));
      position = events.at(-1) ?? position;
      if (hadEnded && events.length === 0) {
        patienceTurns -= 1;
        if (read.length >= committed.size || patienceTurns === 0) return;
        // Somebody else's transaction on the server holds the feed back.
        await feed.outbox.waitForEvents(20, AbortSignal.timeout(60_000));
      }
    }
  }

  async function writeAll(): Promise<void> {
    for (let round = 0; round < 12; round += 1) {
      // All have their numbers before the first commits; the last to begin commits first.
      const names: string[] = [];
      for (const [index, client] of writers.entries()) {
        await client.query('begin');
        const name = `${round}-${index}`;
        await write(client, name);
        names.push(name);
      }
      for (const index of [7, 3, 5, 0, 6, 1, 4, 2]) {
        const client = writers[index]!;
        // A second row after others have committed; a part is rolled back.
        await write(client, `${names[index]!}-late`);
        if ((round + index) % 5 === 0) await client.query('rollback');
        else {
          await client.query('commit');
          committed.add(names[index]!).add(`${names[index]!}-late`);
        }
      }
    }
    isWriting = false;
  }

  await Promise.all([readAll(), writeAll()]);
  t.is(committed.size > 100, true);
  t.is(read.length, new Set(read).size, 'none is read twice');
  t.deepEqual(read.toSorted(), [...committed].toSorted());
});

test('an open transaction holds back what was committed after it, and is then read first', async (t) => {
  await using feed = await openOutbox();
  const [early, late] = [await feed.connect(), await feed.connect()];
  await early.query('begin');
  await write(early, 'early');
  await write(late, 'late');
  t.deepEqual(await feed.outbox.readAfter(null, 10), []);
  t.like(await feed.outbox.measureLag('search'), { rows: 1 }, 'it counts as not yet read');
  await early.query('commit');
  await until('both are given out', async () => {
    const events = await feed.outbox.readAfter(null, 10);
    return namesOf(events).join() === 'early,late';
  });
  const [event] = await feed.outbox.readAfter(null, 1);
  t.is(event?.type, 'test');
  t.is(event?.fileIds.length, 1);
});

test('a position is moved by whoever knows where it stands', async (t) => {
  await using feed = await openOutbox();
  const { outbox } = feed;
  const client = await feed.connect();
  for (const name of ['a', 'b', 'c']) await write(client, name);
  await until('three', async () => (await outbox.readAfter(null, 10)).length === 3);
  const [a, b, c] = (await outbox.readAfter(null, 10)).map(positionOf);
  t.is(await outbox.readPosition('search'), null);
  t.like(await outbox.measureLag('search'), { rows: 3 });
  t.true(await outbox.movePosition('search', null, a!));
  t.false(await outbox.movePosition('search', null, b!));
  t.false(await outbox.movePosition('search', b!, c!));
  t.deepEqual(await outbox.readPosition('search'), a!);
  const moves = await Promise.all([
    outbox.movePosition('search', a!, b!),
    outbox.movePosition('search', a!, c!),
  ]);
  t.is(moves.filter(Boolean).length, 1);
  t.is(await outbox.readPosition('cache'), null, 'each consumer has its own');
  const position = await outbox.readPosition('search');
  await outbox.movePosition('search', position, c!);
  t.deepEqual(await outbox.measureLag('search'), { rows: 0, ageMs: 0 });
});

test('whoever waits is woken by a commit, also after the connection was lost', async (t) => {
  await using feed = await openOutbox();
  const client = await feed.connect();
  const { signal } = new AbortController();
  const isListening = async () => {
    const { rows } = await client.query(
      `select pid from pg_stat_activity where application_name = $1 and query like 'listen%'`,
      [feed.applicationName],
    );
    return rows.length > 0;
  };
  for (const isCut of [false, true]) {
    await feed.outbox.waitForEvents(1, signal);
    if (isCut) {
      await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1`,
        [feed.applicationName],
      );
      await until('it is gone', async () => !(await isListening()));
    }
    await until('it listens', isListening);
    const woken = feed.outbox.waitForEvents(2_000_000, signal);
    await write(client, randomUUID());
    await woken;
  }
  const stopping = new AbortController();
  const waiting = feed.outbox.waitForEvents(2_000_000, stopping.signal);
  stopping.abort();
  await waiting;
  t.pass();
});

test('old rows are removed when all have passed them, in batches, and none too early', async (t) => {
  await using feed = await openOutbox();
  const { outbox } = feed;
  const client = await feed.connect();
  const old = limits.eventsKeptDays + 2;
  for (const name of ['a', 'b', 'c', 'd']) await write(client, name, old);
  await write(client, 'young');
  await until('all', async () => (await outbox.readAfter(null, 10)).length === 5);
  const [a, b, c, d, young] = await outbox.readAfter(null, 10);
  await outbox.movePosition('search', null, b!);
  await outbox.movePosition('cache', null, d!);

  t.is(await outbox.pruneEvents(1), 1);
  t.false(await outbox.isReachable(a!), 'what follows it may be gone');
  t.is(await outbox.pruneEvents(10), 1, 'search has not read c yet');
  t.deepEqual(namesOf(await outbox.readAfter(null, 10)), ['c', 'd', 'young']);
  await outbox.movePosition('search', b!, young!);
  await outbox.movePosition('cache', d!, young!);
  t.is(await outbox.pruneEvents(10), 1);
  t.false(await outbox.isReachable(c!));
  t.true(await outbox.isReachable(d!), 'its reader has only the young one to read');
  t.is(await outbox.pruneEvents(10), 0);
});

test('the epoch stays until it is changed', async (t) => {
  await using feed = await openOutbox();
  const epoch = await feed.outbox.readEpoch();
  t.is(await feed.outbox.readEpoch(), epoch);
  const client = await feed.connect();
  await client.query('update feed_epoch set epoch = gen_random_uuid()');
  t.not(await feed.outbox.readEpoch(), epoch);
});
