import { fork } from 'node:child_process';
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import test from 'ava';
import { Client, Connection } from '@temporalio/client';
import { applyTemporalDeclaration } from '#infra/temporal/declaration-application.ts';
import { loadTemporalDeclaration } from '#infra/temporal/declaration.ts';
import { openElementHarness, openTemporalHarness, until } from '#test/support/element-harness.ts';
import { createOutboxListener } from '#infra/postgres/outbox-listener.ts';
import { PostgresOutbox } from '#infra/postgres/postgres-outbox.ts';
import { storeFiles } from '#test/support/stored-files.ts';
import { testStack } from '#test/support/test-stack.ts';

test('the worker process follows the outbox for every consumer, also after it was killed', async (t) => {
  const stack = testStack();
  await using temporal = await openTemporalHarness();
  await using harness = await openElementHarness(temporal);
  const namespace = `follow-${randomUUID()}`;
  await applyTemporalDeclaration(loadTemporalDeclaration(), {
    address: stack.temporalAddress,
    namespace,
    elementIds: [],
    signal: AbortSignal.timeout(60_000),
  });
  const env = {
    PATH: process.env['PATH'],
    ARTSTORE_DATABASE_URL: harness.catalogue.url,
    ARTSTORE_TEMPORAL_ADDRESS: stack.temporalAddress,
    ARTSTORE_TEMPORAL_NAMESPACE: namespace,
    ARTSTORE_WORKER_ELEMENTS: harness.elementId,
    ARTSTORE_REDIS_URL: stack.redisUrl,
    ARTSTORE_LOG_LEVEL: 'warn',
  };
  const outbox = new PostgresOutbox(
    harness.catalogue.database,
    createOutboxListener({ url: '', applicationName: '' }),
  );
  const caughtUp = () =>
    until(
      'followed',
      async () =>
        (await outbox.readPosition('cache')) !== null &&
        (await outbox.measureLag('cache')).rows === 0,
    );
  await storeFiles(harness.catalogue.uploads, [{}, {}]);
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const child = fork(new URL('../../workers/main.ts', import.meta.url), {
      env,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const exited = once(child, 'exit');
    await once(child, 'message');
    await caughtUp();
    await storeFiles(harness.catalogue.uploads, [{}]);
    await caughtUp();
    child.kill(signal);
    await exited;
    await storeFiles(harness.catalogue.uploads, [{}]);
  }
  t.is((await outbox.measureLag('cache')).rows, 1);
  const connection = await Connection.connect({ address: stack.temporalAddress });
  const client = new Client({ connection, namespace });
  await client.workflow.getHandle('follow-outbox/cache').terminate();
  await client.schedule.getHandle(`sweep-element/${harness.elementId}`).delete();
  await connection.close();
});
