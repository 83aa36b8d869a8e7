/**
 * The worker's process is killed right after each step of a change, before anybody was told. What
 * is left is read by the independent reader, which knows nothing of the product.
 */
import test from 'ava';
import { changed, deleted } from '#test/support/change-scenarios.ts';
import { openTemporalHarness, type TemporalHarness } from '#test/support/element-harness.ts';
import { playKilledChange, stepsOfChanges } from '#test/support/killed-change.ts';
import { createLanes } from '#test/support/lanes.ts';

const inLane = createLanes(3);
let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

for (const step of stepsOfChanges.updateAttributes) {
  test(`a worker killed after ${step} leaves a change whole`, async (t) => {
    const { aftermath } = await inLane(() => playKilledChange(temporal, 'updateAttributes', step));
    t.deepEqual(aftermath, changed);
  });
}

for (const step of stepsOfChanges.deleteFile) {
  test(`a worker killed after ${step} leaves a deletion whole`, async (t) => {
    const { aftermath } = await inLane(() => playKilledChange(temporal, 'deleteFile', step));
    t.deepEqual(aftermath, deleted);
  });
}
