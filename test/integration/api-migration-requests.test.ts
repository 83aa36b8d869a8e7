import { randomUUID } from 'node:crypto';
import test from 'ava';
import { limits } from '#domain/limits.ts';
import {
  migrationsPath as path,
  soundRequest,
  startMigrationEdge,
  type MigrationEdge,
} from '#test/support/migration-edge.ts';

let edge: MigrationEdge;
test.before(async () => {
  edge = await startMigrationEdge();
});
test.afterEach.always(() => {
  edge.migrations.asked.length = 0;
  edge.migrations.refuseWith = null;
});
test.after.always(() => edge[Symbol.asyncDispose]());

const refused: [title: string, change: object, pointers: string[]][] = [
  [
    'versions missing',
    { source_version: undefined, target_version: undefined },
    ['/source_version', '/target_version'],
  ],
  [
    'versions of other types',
    { source_version: 1, target_version: null },
    ['/source_version', '/target_version'],
  ],
  [
    'unknown versions',
    { source_version: '0.1', target_version: '3.0' },
    ['/source_version', '/target_version'],
  ],
  ['target not newer', { source_version: '2.0' }, ['/target_version']],
  ['target older', { source_version: '2.0', target_version: '1.0' }, ['/target_version']],
  ['unknown member', { sourceVersion: '1.0' }, ['/sourceVersion']],
  [
    'unknown member of the selection',
    { selection: { mode: 'ro', created_at: { until: 'x' } } },
    ['/selection/created_at/until', '/selection/mode'],
  ],
  ['selection of another type', { selection: [] }, ['/selection']],
  ['unknown element', { selection: { element_id: 'nowhere' } }, ['/selection/element_id']],
  ['element that cannot be', { selection: { element_id: 'NO/where' } }, ['/selection/element_id']],
  [
    'range the wrong way round',
    { selection: { created_at: { from: '2025-01-02T00:00:00Z', to: '2025-01-01T00:00:00Z' } } },
    ['/selection/created_at'],
  ],
  [
    'no instant',
    { selection: { created_at: { from: '2025-02-30T00:00:00Z', to: 5 } } },
    ['/selection/created_at/from', '/selection/created_at/to'],
  ],
  [
    'ids that are none',
    { selection: { file_ids: ['x', randomUUID(), 7] } },
    ['/selection/file_ids/0', '/selection/file_ids/2'],
  ],
  ['mapping that is none', { mapping: ['a'] }, ['/mapping']],
  ['mapping to a number', { mapping: { a: 1, b: '' } }, ['/mapping/a', '/mapping/b']],
  [
    'mapping to nothing, and twice to one',
    { mapping: { a: '', b: 'x', 'c/d': 'x' } },
    ['/mapping/a', '/mapping/c~1d'],
  ],
  ['unknown policy', { mapping_policy: 'merge' }, ['/mapping_policy']],
  ['template that is not registered', { template: 'nothing@1' }, ['/template']],
  ['template that cannot be', { template: 'No Name@0' }, ['/template']],
  [
    'batches out of bounds',
    { batch_size: 499, concurrency: 17, files_per_second: 0.5 },
    ['/batch_size', '/concurrency', '/files_per_second'],
  ],
  [
    'batches out of bounds above',
    { batch_size: 2001, concurrency: 0, files_per_second: 1_000_001 },
    ['/batch_size', '/concurrency', '/files_per_second'],
  ],
  ['parts of files', { batch_size: 1000.5, concurrency: '2' }, ['/batch_size', '/concurrency']],
  ['dry_run as text', { dry_run: 'true' }, ['/dry_run']],
  [
    'of everything something',
    {
      source_version: '9',
      template: 'nothing',
      dry_run: 1,
      mapping: { a: '' },
      selection: { element_id: 'nowhere' },
    },
    ['/dry_run', '/mapping/a', '/selection/element_id', '/source_version', '/template'],
  ],
];

for (const [title, change, pointers] of refused) {
  test.serial(`refused, with every fault: ${title}`, async (t) => {
    const { status, body } = await edge.start(change);
    t.is(status, 422);
    t.is(body.code, 'REQUEST_INVALID');
    t.deepEqual(body.errors?.map(({ pointer }) => pointer).toSorted(), pointers);
    t.deepEqual(edge.migrations.asked, []);
  });
}

test.serial('numbers beyond all bounds are refused, not rounded', async (t) => {
  for (const number of ['1e999', '-1e999', '1e-999', '99999999999999999999', '-0']) {
    for (const member of ['batch_size', 'concurrency', 'files_per_second']) {
      const text = `{"source_version":"1.0","target_version":"2.0","${member}":${number}}`;
      const { status, body } = await edge.ask('POST', path, { sent: text });
      t.is(status, 422, `${member} ${number}`);
      t.deepEqual(
        body.errors?.map(({ pointer }) => pointer),
        [`/${member}`],
      );
    }
  }
  t.deepEqual(edge.migrations.asked, []);
});

test.serial('bodies that are none, or too large', async (t) => {
  for (const [text, status, code] of [
    ['', 400, 'REQUEST_MALFORMED'],
    ['{', 400, 'REQUEST_MALFORMED'],
    ['{"source_version":"1.0","source_version":"2.0"}', 400, 'REQUEST_MALFORMED'],
    ['[]', 422, 'REQUEST_INVALID'],
    ['null', 422, 'REQUEST_INVALID'],
    ['"text"', 422, 'REQUEST_INVALID'],
    ['{"a":'.repeat(65) + '1' + '}'.repeat(65), 400, 'REQUEST_MALFORMED'],
    [`{"template":"${'x'.repeat(limits.jsonBodyBytes)}"}`, 413, 'BODY_TOO_LARGE'],
  ] as const) {
    const answer = await edge.ask('POST', path, { sent: text });
    t.is(answer.status, status, text.slice(0, 40));
    t.is(answer.body.code, code);
  }
  const typed = await edge.ask('POST', path, {
    sent: soundRequest,
    headers: { 'content-type': 'text/plain' },
  });
  t.is(typed.status, 415);
  t.deepEqual(edge.migrations.asked, []);
});

test.serial('as many ids as one request may name, and one more', async (t) => {
  const ids = Array.from({ length: limits.migrationFileIds + 1 }, () => randomUUID());
  const tooMany = await edge.start({ selection: { file_ids: ids } });
  t.is(tooMany.status, 422);
  t.deepEqual(
    tooMany.body.errors?.map(({ pointer }) => pointer),
    ['/selection/file_ids'],
  );
  t.is((await edge.start({ selection: { file_ids: ids.slice(1) } })).status, 202);
  const many = Object.fromEntries(
    Array.from({ length: limits.migrationMappingKeys + 1 }, (_, index) => [
      `k${index}`,
      `v${index}`,
    ]),
  );
  t.deepEqual(
    (await edge.start({ mapping: many })).body.errors?.map(({ pointer }) => pointer),
    ['/mapping'],
  );
});

test.serial('of very many faults a bounded number is told', async (t) => {
  const mapping = Object.fromEntries(
    Array.from({ length: 50_000 }, (_, index) => [`k${index}`, 1]),
  );
  const { status, body } = await edge.start({ mapping });
  t.is(status, 422);
  t.is(body.errors?.length, 100);
});
