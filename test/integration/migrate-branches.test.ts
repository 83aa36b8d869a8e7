import test from 'ava';
import { openTemporalHarness, type TemporalHarness } from '#test/support/element-harness.ts';
import { createLanes } from '#test/support/lanes.ts';
import {
  migratedFiles,
  migrationScenarios,
  playMigration,
} from '#test/support/migration-scenarios.ts';

const inLane = createLanes(2);
let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

for (const scenario of migrationScenarios) {
  test(`a migration: ${scenario.name}`, async (t) => {
    const { aftermath, faults } = await inLane(() => playMigration(temporal, scenario));
    t.deepEqual(faults, []);
    t.is(aftermath.ends, scenario.ends);
    t.is(aftermath.code, scenario.code ?? null);
    if (scenario.migrated === 'some') t.true(aftermath.migrated <= migratedFiles);
    else t.is(aftermath.migrated, scenario.migrated);
  });
}
