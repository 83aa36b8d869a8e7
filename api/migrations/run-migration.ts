import { readJsonBody, readOptionalJsonBody } from '#api/json-body.ts';
import { findMigration, migrationKind } from '#api/migrations/find-migration.ts';
import {
  bodyErrors,
  migrationRequestSchema,
  migrationsPath,
  noMembersSchema,
} from '#api/migrations/migration-schemas.ts';
import { readMigrationRequest } from '#api/migrations/read-migration-request.ts';
import { operationParams, operationSchema } from '#api/operations/operation-schemas.ts';
import { idempotencyErrors, idempotencyHeaders, startOnce } from '#api/operations/start-once.ts';
import { requireWorkflows } from '#api/require-workflows.ts';
import { callerOf, declareRoute, type Call, type Route } from '#api/route.ts';
import { compileBody, findBodyFaults, requireNoFaults } from '#api/validation.ts';
import type { JsonValue } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import type { MigrationLifecycle } from '#domain/ports/migration-lifecycle.ts';

const accepted = (description: string) => ({
  202: {
    description,
    content: { 'application/json': operationSchema },
    headers: { Location: 'The operation; its id is the id of the migration' },
  },
});

const startErrors = [
  ...bodyErrors,
  ...idempotencyErrors,
  'SELECTION_EMPTY',
  'OPERATION_IN_PROGRESS',
  'CATALOGUE_UNAVAILABLE',
  'WORKFLOWS_UNAVAILABLE',
] as const;

export const startMigration = declareRoute({
  method: 'POST',
  path: migrationsPath,
  name: 'startMigration',
  summary: 'Rewrite the sidecars of many files in the newest version, or try it out',
  tag: 'migrations',
  policy: { action: 'migrations.run' },
  headers: idempotencyHeaders,
  body: {
    description:
      'What cannot be met is refused before anything starts. Files on elements of mode ro or ar ' +
      'are not rewritten: they are skipped, and go on being read in the newest form.',
    maxBytes: limits.jsonBodyBytes,
    content: { 'application/json': migrationRequestSchema },
  },
  answers: accepted('Started; what fails is in the failures of the run'),
  errors: [...startErrors],
  steps: [
    async (call) => {
      requireWorkflows(call.services);
      const body = await readJsonBody(call, { maxBytes: limits.jsonBodyBytes });
      const { ports } = call.services;
      const request = await readMigrationRequest(body, ports);
      await startRun(call, {
        request: { asked: body },
        root: null,
        start: (run) => ports.migrations.startMigration({ ...run, request }),
      });
    },
  ],
});

type FollowUp = 'startRetry' | 'startRevert';

export const retryMigration = declareFollowUp({
  name: 'retryMigration',
  action: 'retry',
  method: 'startRetry',
  summary: 'Try the failures of a finished run again, and nothing else',
});

export const revertMigration = declareFollowUp({
  name: 'revertMigration',
  action: 'revert',
  method: 'startRevert',
  summary: 'Put back the sidecars that a finished run replaced, byte for byte',
});

const validateNothing = compileBody(noMembersSchema);

/** A run over what another run has left. */
function declareFollowUp(followUp: {
  readonly name: string;
  readonly action: 'retry' | 'revert';
  readonly method: FollowUp;
  readonly summary: string;
}): Route {
  return declareRoute({
    method: 'POST',
    path: `${migrationsPath}/{operation_id}/${followUp.action}`,
    name: followUp.name,
    summary: followUp.summary,
    tag: 'migrations',
    policy: { action: 'migrations.run' },
    params: operationParams,
    paramsFault: 'OPERATION_NOT_FOUND',
    headers: idempotencyHeaders,
    body: {
      description: 'Nothing, or an object without members.',
      maxBytes: limits.jsonBodyBytes,
      content: { 'application/json': noMembersSchema },
    },
    answers: accepted('Started, as an operation of its own'),
    errors: [...startErrors, 'OPERATION_NOT_FOUND', 'OPERATION_STATE_FORBIDS'],
    steps: [(call) => startFollowUp(call, followUp)],
  });
}

async function startFollowUp(
  call: Call<{ operation_id: string }>,
  { action, method }: { readonly action: string; readonly method: FollowUp },
): Promise<void> {
  requireWorkflows(call.services);
  const body = await readOptionalJsonBody(call, limits.jsonBodyBytes);
  requireNoFaults(findBodyFaults(validateNothing, body));
  const { operationId: ofRun, subject } = await findMigration(call);
  const { migrations } = call.services.ports;
  await startRun(call, {
    request: { action, of_run: ofRun },
    root: subject.id,
    start: (run) => migrations[method]({ ...run, ofRun }),
  });
}

type NewRun = Omit<Parameters<MigrationLifecycle['startRetry']>[0], 'ofRun'>;

interface RunToStart {
  readonly request: JsonValue;
  /** The first run of the family; null: it is this one. */
  readonly root: string | null;
  readonly start: (run: NewRun) => Promise<void>;
}

async function startRun(call: Call, { request, root, start }: RunToStart): Promise<void> {
  const startedBy = callerOf(call).accountId;
  await startOnce(call, {
    kind: migrationKind,
    subject: (operationId) => ({ type: 'migration', id: root ?? operationId }),
    request,
    start: (operationId) => start({ operationId, startedBy }),
  });
}
