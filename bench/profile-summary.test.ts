import test from 'ava';

import { summariseProfile } from './profile-summary.ts';

const node = (id: number, functionName: string, url: string) => ({
  id,
  callFrame: { functionName, url, lineNumber: 9 },
});

const profile = {
  nodes: [
    node(1, '(root)', ''),
    node(2, '(idle)', ''),
    node(3, 'hashChunk', 'file:///anywhere/artstore/infra/filesystem/staging-area.ts'),
    node(4, 'query', 'file:///anywhere/artstore/node_modules/pg/lib/client.js'),
    node(5, 'hashChunk', 'file:///anywhere/artstore/infra/filesystem/staging-area.ts'),
    node(6, '(garbage collector)', ''),
    node(7, 'inner', 'file:///x/node_modules/koa/node_modules/@scope/deep/index.js'),
  ],
  samples: [2, 3, 4, 5, 6, 7],
  timeDeltas: [50_000, 10_000, 20_000, 5_000, 4_000, 1_000],
};

test('self time is summed by function and by module, and idle time is no work', (t) => {
  const summary = summariseProfile(profile, 10);
  t.is(summary.elapsedMs, 90);
  t.is(summary.busyMs, 40);
  t.deepEqual(summary.functions, [
    { name: 'query pg/lib/client.js:10', selfMs: 20, share: 0.5 },
    { name: 'hashChunk infra/filesystem/staging-area.ts:10', selfMs: 15, share: 0.375 },
    { name: '(garbage collector)', selfMs: 4, share: 0.1 },
    { name: 'inner @scope/deep/index.js:10', selfMs: 1, share: 0.025 },
  ]);
  t.deepEqual(
    summary.modules.map(({ name, selfMs }) => [name, selfMs]),
    [
      ['pg', 20],
      ['infra/filesystem', 15],
      ['(garbage collector)', 4],
      ['@scope/deep', 1],
    ],
  );
});

test('only the first lines are kept', (t) => {
  t.deepEqual(
    summariseProfile(profile, 1).modules.map(({ name }) => name),
    ['pg'],
  );
});
