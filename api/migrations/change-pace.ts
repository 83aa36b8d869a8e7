import type { Static } from 'typebox';
import { answerJson } from '#api/answers.ts';
import { readJsonBody } from '#api/json-body.ts';
import { findMigration, findReport } from '#api/migrations/find-migration.ts';
import {
  bodyErrors,
  migrationSchema,
  migrationsPath,
  paceSchema,
} from '#api/migrations/migration-schemas.ts';
import { presentRun } from '#api/migrations/present-migration.ts';
import { operationParams } from '#api/operations/operation-schemas.ts';
import { toPlainNumbers } from '#api/plain-numbers.ts';
import { declareRoute } from '#api/route.ts';
import { compileBody, findBodyFaults, requireNoFaults } from '#api/validation.ts';
import { DomainError } from '#domain/errors.ts';
import type { JsonValue } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import type { Operation } from '#domain/operations.ts';
import type { MigrationPace } from '#domain/ports/migration-lifecycle.ts';

const validate = compileBody(paceSchema);
const mediaTypes = ['application/merge-patch+json', 'application/json'];

export const changePace = declareRoute({
  method: 'PATCH',
  path: `${migrationsPath}/{operation_id}`,
  name: 'changeMigrationPace',
  summary: 'Slow a run down or let it go faster while it goes on',
  tag: 'migrations',
  policy: { action: 'migrations.run' },
  params: operationParams,
  paramsFault: 'OPERATION_NOT_FOUND',
  body: {
    description: 'What is not named stays as it is. It counts from the next chunk of files on.',
    maxBytes: limits.jsonBodyBytes,
    content: {
      'application/merge-patch+json': paceSchema,
      'application/json': paceSchema,
    },
  },
  answers: {
    200: { description: 'The run as it is now', content: { 'application/json': migrationSchema } },
  },
  errors: [
    ...bodyErrors,
    'OPERATION_NOT_FOUND',
    'OPERATION_STATE_FORBIDS',
    'CATALOGUE_UNAVAILABLE',
    'WORKFLOWS_UNAVAILABLE',
  ],
  steps: [
    async (call) => {
      const { services, context } = call;
      const change = readPace(
        await readJsonBody(call, { maxBytes: limits.jsonBodyBytes, mediaTypes }),
      );
      const operation = await findMigration(call);
      requireUnfinished(operation);
      const { request } = (await findReport(call, operation)).run;
      const pace = { concurrency: request.concurrency, filesPerSecond: request.filesPerSecond };
      if (Object.keys(change).length > 0) {
        await services.ports.migrations.changePace(operation, { ...pace, ...change });
      }
      const report = await findReport(call, operation);
      context.set('Cache-Control', 'no-store');
      answerJson(context, 200, presentRun(operation, report, services.settings));
    },
  ],
});

/** @throws REQUEST_INVALID with every fault */
function readPace(body: JsonValue): Partial<MigrationPace> {
  const plain = toPlainNumbers(body);
  requireNoFaults(findBodyFaults(validate, plain));
  const { concurrency, files_per_second: filesPerSecond } = plain as Static<typeof paceSchema>;
  return {
    ...(concurrency !== undefined && { concurrency }),
    ...(filesPerSecond !== undefined && { filesPerSecond }),
  };
}

function requireUnfinished({ state, finishedAt }: Operation): void {
  if (finishedAt === null) return;
  throw new DomainError('OPERATION_STATE_FORBIDS', `The run is ${state}; it has no pace any more.`);
}
