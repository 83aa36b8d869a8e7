import test from 'ava';
import { openTemporalHarness, type TemporalHarness } from '#test/support/element-harness.ts';
import { playScenario, storeFilesScenarios } from '#test/support/store-files-scenarios.ts';

let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

for (const scenario of storeFilesScenarios) {
  test(`storeFiles: ${scenario.name.replaceAll('-', ' ')}`, async (t) => {
    const { aftermath } = await playScenario(temporal, scenario);
    // Rows are in the order of their ids; which file is which does not matter here.
    t.deepEqual(
      { ...aftermath, uploads: aftermath.uploads.toSorted() },
      { ...scenario.expected, uploads: scenario.expected.uploads.toSorted() },
    );
  });
}
