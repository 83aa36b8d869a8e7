import { readFileSync } from 'node:fs';
import { Type, type Static } from 'typebox';
import { Ajv } from 'ajv';
import { parse } from 'yaml';

const count = Type.Integer({ minimum: 1, maximum: 10_000 });
const name = Type.String({ minLength: 1, maxLength: 255 });
const closed = { additionalProperties: false };

const taskQueueSchema = Type.Object(
  {
    name,
    workflow_task_pollers: count,
    activity_task_pollers: count,
    concurrent_workflow_tasks: count,
    concurrent_activities: count,
    concurrent_local_activities: count,
    activities_per_second: Type.Union([Type.Number({ exclusiveMinimum: 0 }), Type.Null()]),
  },
  closed,
);

const scheduleSchema = Type.Object(
  {
    id: name,
    every_seconds: count,
    overlap: Type.Union([Type.Literal('skip'), Type.Literal('buffer_one')]),
    catchup_seconds: count,
    workflow: name,
    workflow_id: name,
    task_queue: name,
  },
  closed,
);

const declarationSchema = Type.Object(
  {
    namespace: Type.Object(
      {
        name,
        description: Type.String(),
        // The server refuses less than a day.
        retention_hours: Type.Integer({ minimum: 24, maximum: 87_600 }),
      },
      closed,
    ),
    search_attributes: Type.Record(
      Type.String(),
      Type.Union([Type.Literal('keyword'), Type.Literal('keyword_list')]),
    ),
    task_queues: Type.Array(taskQueueSchema),
    schedules: Type.Array(scheduleSchema),
  },
  closed,
);

/** `temporal.yaml`, as it stands there; `{element_id}` in names is a placeholder. */
export type TemporalDeclaration = Static<typeof declarationSchema>;
export type ScheduleDeclaration = Static<typeof scheduleSchema>;

/** @throws Error naming every fault of the file. */
export function loadTemporalDeclaration(
  path: URL | string = new URL('../../temporal.yaml', import.meta.url),
): TemporalDeclaration {
  return parseTemporalDeclaration(readFileSync(path, 'utf8'));
}

export function parseTemporalDeclaration(text: string): TemporalDeclaration {
  const declaration: unknown = parse(text);
  const validate = new Ajv({ allErrors: true }).compile<TemporalDeclaration>(declarationSchema);
  if (validate(declaration)) return declaration;
  const faults = (validate.errors ?? []).map(
    (fault) => `  ${fault.instancePath} ${fault.message ?? ''}`,
  );
  throw new Error(`temporal.yaml is not valid:\n${faults.join('\n')}`);
}

export function forElement(template: string, elementId: string): string {
  return template.replaceAll('{element_id}', elementId);
}
