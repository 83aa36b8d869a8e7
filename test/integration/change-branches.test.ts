import test from 'ava';
import { changeScenarios, playChange } from '#test/support/change-scenarios.ts';
import { openTemporalHarness, type TemporalHarness } from '#test/support/element-harness.ts';
import { createLanes } from '#test/support/lanes.ts';

const inLane = createLanes(5);
let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

for (const scenario of changeScenarios) {
  test(`${scenario.workflow}: ${scenario.name.replaceAll('-', ' ')}`, async (t) => {
    const { aftermath } = await inLane(() => playChange(temporal, scenario));
    t.deepEqual(aftermath, scenario.expected);
  });
}
