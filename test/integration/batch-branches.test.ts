import test from 'ava';
import { batchScenarios, playBatch } from '#test/support/batch-scenarios.ts';
import { openTemporalHarness, type TemporalHarness } from '#test/support/element-harness.ts';
import { createLanes } from '#test/support/lanes.ts';

const inLane = createLanes(3);
let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

for (const scenario of batchScenarios) {
  test(`batchDelete: ${scenario.name.replaceAll('-', ' ')}`, async (t) => {
    const { aftermath } = await inLane(() => playBatch(temporal, scenario));
    t.deepEqual(aftermath, scenario.expected);
  });
}
