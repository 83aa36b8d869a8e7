import { Type } from 'typebox';
import { answerJson } from '#api/answers.ts';
import { findMigration, findReport, migrationKind } from '#api/migrations/find-migration.ts';
import { migrationSchema, migrationsPath } from '#api/migrations/migration-schemas.ts';
import { presentRun } from '#api/migrations/present-migration.ts';
import {
  answerFailures,
  failureListQuery,
  failureListSchema,
} from '#api/operations/list-failures.ts';
import { answerPage } from '#api/operations/list-operations.ts';
import {
  operationListQuery,
  operationListSchema,
  operationParams,
} from '#api/operations/operation-schemas.ts';
import { declareRoute } from '#api/route.ts';

const { state, started_by, limit, cursor } = operationListQuery.properties;

export const listMigrations = declareRoute({
  method: 'GET',
  path: migrationsPath,
  name: 'listMigrations',
  summary: 'Runs, their retries and reverts, newest first',
  tag: 'migrations',
  policy: { action: 'operations.read' },
  query: Type.Object({ state, started_by, limit, cursor }, { additionalProperties: false }),
  answers: {
    200: { description: 'A page', content: { 'application/json': operationListSchema } },
  },
  errors: ['CURSOR_INVALID', 'CATALOGUE_UNAVAILABLE'],
  steps: [(call) => answerPage({ ...call, query: { ...call.query, kind: migrationKind } })],
});

export const showMigration = declareRoute({
  method: 'GET',
  path: `${migrationsPath}/{operation_id}`,
  name: 'showMigration',
  summary: 'A run: what it was asked for, its plan, how far it has come and how fast it goes',
  tag: 'migrations',
  policy: { action: 'operations.read' },
  params: operationParams,
  paramsFault: 'OPERATION_NOT_FOUND',
  answers: {
    200: { description: 'The run', content: { 'application/json': migrationSchema } },
  },
  errors: ['OPERATION_NOT_FOUND', 'CATALOGUE_UNAVAILABLE'],
  steps: [
    async (call) => {
      const operation = await findMigration(call);
      const report = await findReport(call, operation);
      call.context.set('Cache-Control', 'no-store');
      answerJson(call.context, 200, presentRun(operation, report, call.services.settings));
    },
  ],
});

export const listMigrationFailures = declareRoute({
  method: 'GET',
  path: `${migrationsPath}/{operation_id}/failures`,
  name: 'listMigrationFailures',
  summary: 'Files that a run could not do, each with its reason',
  tag: 'migrations',
  policy: { action: 'operations.read' },
  params: operationParams,
  paramsFault: 'OPERATION_NOT_FOUND',
  query: failureListQuery,
  answers: {
    200: { description: 'A page', content: { 'application/json': failureListSchema } },
  },
  errors: ['OPERATION_NOT_FOUND', 'CURSOR_INVALID', 'CATALOGUE_UNAVAILABLE'],
  steps: [
    async (call) => {
      await findMigration(call);
    },
    answerFailures,
  ],
});
