import type { DomainError } from '#domain/errors.ts';
import type { AccountId, OperationId } from '#domain/ids.ts';
import type { MigrationReport, MigrationRun } from '#domain/migrations/migration-run.ts';
import type { MigrationLifecycle } from '#domain/ports/migration-lifecycle.ts';
import type { Database } from '#infra/postgres/open-pool.ts';
import { PostgresOperationJournal } from '#infra/postgres/postgres-operation-journal.ts';

export interface FakeMigrations {
  readonly lifecycle: MigrationLifecycle;
  /** What the API asked for, in order. */
  readonly asked: unknown[];
  readonly reports: Map<string, MigrationReport>;
  /** What the next start throws. */
  refuseWith: DomainError | null;
}

/** Runs that are only written down, for the edge in front of them. */
export function createFakeMigrations(database: Database): FakeMigrations {
  const journal = new PostgresOperationJournal(database);
  const reports = new Map<string, MigrationReport>();

  async function open(run: MigrationRun, startedBy: AccountId): Promise<void> {
    const { operationId } = run;
    const { refuseWith } = fake;
    fake.refuseWith = null;
    if (refuseWith !== null) throw refuseWith;
    await journal.openOperation({
      operationId,
      kind: 'migrateAttributes',
      subject: { type: 'migration', id: operationId },
      startedBy,
      workflowId: `migrate-attributes/${operationId}`,
      elementId: null,
      input: null,
    });
    reports.set(operationId, { run, isPaused: false, skipped: null, shards: [], rate: null });
  }

  function follow(
    run: { readonly operationId: OperationId; readonly ofRun: OperationId },
    action: 'retry' | 'revert',
  ): MigrationRun {
    const first = reports.get(run.ofRun);
    if (first === undefined) throw new Error('there is no such run');
    const { operationId, ofRun } = run;
    return { ...first.run, operationId, ofRun, action };
  }

  const fake: FakeMigrations = {
    asked: [],
    reports,
    refuseWith: null,
    lifecycle: {
      async startMigration(start) {
        fake.asked.push(start);
        const { operationId, request, startedBy } = start;
        const first = { action: 'migrate', work: 'migrate', source: 'catalogue' } as const;
        await open(
          { operationId, ...first, ofRun: null, rootRun: operationId, request },
          startedBy,
        );
      },
      async startRetry(start) {
        fake.asked.push({ retry: start.ofRun });
        await open(follow(start, 'retry'), start.startedBy);
      },
      async startRevert(start) {
        fake.asked.push({ revert: start.ofRun });
        await open(follow(start, 'revert'), start.startedBy);
      },
      async pauseOperation({ operationId }) {
        fake.asked.push({ pause: operationId });
        await Promise.resolve();
      },
      async resumeOperation({ operationId }) {
        fake.asked.push({ resume: operationId });
        await Promise.resolve();
      },
      async changePace({ operationId }, pace) {
        fake.asked.push({ pace });
        const report = reports.get(operationId);
        if (report === undefined) throw new Error('there is no such run');
        const request = { ...report.run.request, ...pace };
        reports.set(operationId, { ...report, run: { ...report.run, request } });
        await Promise.resolve();
      },
    },
  };
  return fake;
}
