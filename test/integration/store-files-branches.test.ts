import test from 'ava';
import { openTemporalHarness, type TemporalHarness } from '#test/support/element-harness.ts';
import { createLanes } from '#test/support/lanes.ts';
import { playScenario, storeFilesScenarios } from '#test/support/store-files-scenarios.ts';

const inLane = createLanes(5);
let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

for (const scenario of storeFilesScenarios) {
  test(`storeFiles: ${scenario.name.replaceAll('-', ' ')}`, async (t) => {
    const { aftermath } = await inLane(() => playScenario(temporal, scenario));
    // Rows are in the order of their ids; which file is which does not matter here.
    t.deepEqual(
      { ...aftermath, uploads: aftermath.uploads.toSorted() },
      { ...scenario.expected, uploads: scenario.expected.uploads.toSorted() },
    );
  });
}
