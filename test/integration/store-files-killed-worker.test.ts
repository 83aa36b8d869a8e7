import test from 'ava';
import { openTemporalHarness, type TemporalHarness } from '#test/support/element-harness.ts';
import { playKilledWorker } from '#test/support/killed-worker.ts';

let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

for (const step of ['claimGroup', 'commitContents', 'writeSidecars', 'recordGroup'] as const) {
  test(`a worker killed right after ${step} loses nothing and repeats nothing`, async (t) => {
    const { aftermath } = await playKilledWorker(temporal, step);
    t.deepEqual(aftermath, {
      ended: 'completed',
      uploads: ['stored', 'stored', 'stored'],
      wholeFiles: 3,
      contentsWithoutSidecar: 0,
      stagedContents: 0,
      usedFiles: 3,
      reservedBytes: 0,
    });
  });
}
