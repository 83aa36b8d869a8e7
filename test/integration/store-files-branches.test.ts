import test from 'ava';
import { openTemporalHarness, type TemporalHarness } from '#test/support/element-harness.ts';
import { createLanes } from '#test/support/lanes.ts';
import {
  playScenario,
  storeFilesScenarios,
  type Aftermath,
} from '#test/support/store-files-scenarios.ts';

const inLane = createLanes(5);
let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

for (const scenario of storeFilesScenarios) {
  test(`storeFiles: ${scenario.name.replaceAll('-', ' ')}`, async (t) => {
    const { aftermath } = await inLane(() => playScenario(temporal, scenario));
    t.deepEqual(asCallersSee(aftermath), asCallersSee(scenario.expected));
  });
}

const refusals = new Set(['ELEMENT_UNAVAILABLE', 'CATALOGUE_UNAVAILABLE', 'WORKFLOWS_UNAVAILABLE']);

/**
 * Rows are in the order of their ids; which file is which does not matter. A bounded step whose
 * time was up before its first try had failed has no code of its own: it is a 503 like the others.
 */
function asCallersSee(aftermath: Aftermath): Aftermath {
  const { ended, uploads } = aftermath;
  const isTimeUp = ended === 'undefined' && uploads.every((upload) => refusals.has(upload));
  return {
    ...aftermath,
    ended: isTimeUp || refusals.has(ended) ? 'unavailable' : ended,
    uploads: uploads.map((upload) => (refusals.has(upload) ? 'unavailable' : upload)).toSorted(),
  };
}
