import type { WorkflowHandle } from '@temporalio/client';
import type { TemporalHarness } from '#test/support/element-harness.ts';
import { migrationScenarios, playMigration } from '#test/support/migration-scenarios.ts';

type MigrationRecording = readonly [
  name: string,
  record: (temporal: TemporalHarness) => Promise<WorkflowHandle>,
];

/** Every branch of the workflows of bulk migrations, by the name of its history. */
export const migrationRecordings: readonly MigrationRecording[] = migrationScenarios.flatMap(
  (scenario): MigrationRecording[] => [
    [
      `migrate-attributes.${scenario.name}`,
      async (temporal) => (await playMigration(temporal, scenario)).handle,
    ],
    ...(scenario.hasShard === false
      ? []
      : [
          [
            `migrate-shard.${scenario.name}`,
            async (temporal: TemporalHarness) => (await playMigration(temporal, scenario)).shard,
          ] as const,
        ]),
  ],
);
