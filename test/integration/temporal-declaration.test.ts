import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import test from 'ava';
import type { ElementId } from '#domain/ids.ts';
import { applyTemporalDeclaration } from '#infra/temporal/declaration-application.ts';
import { loadTemporalDeclaration } from '#infra/temporal/declaration.ts';
import { testStack } from '#test/support/test-stack.ts';

const patienceMs = 120_000;

test('a declaration can be applied by several processes at once, again, and changed', async (t) => {
  const address = testStack().temporalAddress;
  const namespace = `declaration-${randomUUID()}`;
  const options = {
    address,
    namespace,
    elementIds: ['edit-01', 'rw-01'] as ElementId[],
    signal: AbortSignal.timeout(patienceMs),
  };
  const declaration = loadTemporalDeclaration();
  await Promise.all([
    applyTemporalDeclaration(declaration, options),
    applyTemporalDeclaration(declaration, options),
  ]);

  const connection = await Connection.connect({ address });
  t.teardown(() => connection.close());
  const client = new Client({ connection, namespace });
  const describe = async (): Promise<object> => {
    const found = await connection.workflowService.describeNamespace({ namespace });
    const schedule = await client.schedule.getHandle('sweep-element/rw-01').describe();
    return {
      retentionHours: Number(found.config?.workflowExecutionRetentionTtl?.seconds) / 3600,
      everyMs: schedule.spec.intervals?.[0]?.every,
      updatedAt: schedule.info.lastUpdatedAt,
    };
  };
  const first = await describe();
  t.like(first, { retentionHours: 72, everyMs: 30_000 });

  await applyTemporalDeclaration(declaration, options);
  t.deepEqual(await describe(), first, 'the same declaration changes nothing');

  await applyTemporalDeclaration(
    {
      ...declaration,
      namespace: { ...declaration.namespace, retention_hours: 96 },
      schedules: declaration.schedules.map((it) => ({ ...it, every_seconds: 45 })),
    },
    options,
  );
  t.like(await describe(), { retentionHours: 96, everyMs: 45_000 });
  for (const id of ['edit-01', 'rw-01']) {
    await client.schedule.getHandle(`sweep-element/${id}`).delete();
  }
});
