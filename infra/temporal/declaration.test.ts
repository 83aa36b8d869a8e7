import test from 'ava';
import type { ElementId } from '#domain/ids.ts';
import {
  catalogueTaskQueue,
  elementTaskQueue,
  searchAttributes,
  sweepElementId,
  workflowTypes,
} from '#workflows/messages.ts';
import { catalogueWorkerTuning } from '#workers/catalogue-worker.ts';
import { elementWorkerTuning } from '#workers/element-worker.ts';
import { forElement, loadTemporalDeclaration, parseTemporalDeclaration } from './declaration.ts';

const declaration = loadTemporalDeclaration();
const element = 'edit-01' as ElementId;

test('temporal.yaml has the search attributes that the code sets', (t) => {
  const declared = Object.entries(declaration.search_attributes).map(([name, kind]) => ({
    name,
    type: kind.toUpperCase(),
  }));
  t.deepEqual(declared, Object.values(searchAttributes));
});

test('temporal.yaml has the queues and schedules that the code serves', (t) => {
  t.deepEqual(
    declaration.task_queues.map(({ name }) => forElement(name, element)),
    [elementTaskQueue(element), catalogueTaskQueue],
  );
  t.deepEqual(
    declaration.schedules.map((schedule) => [
      forElement(schedule.id, element),
      forElement(schedule.workflow_id, element),
      schedule.workflow,
      forElement(schedule.task_queue, element),
    ]),
    [
      [
        sweepElementId(element),
        sweepElementId(element),
        workflowTypes.sweepElement,
        elementTaskQueue(element),
      ],
    ],
  );
});

test('temporal.yaml has the concurrency that workers run with', (t) => {
  for (const [index, tuning] of [elementWorkerTuning, catalogueWorkerTuning].entries()) {
    t.like(declaration.task_queues[index], {
      workflow_task_pollers: tuning.maxConcurrentWorkflowTaskPolls,
      activity_task_pollers: tuning.maxConcurrentActivityTaskPolls,
      concurrent_workflow_tasks: tuning.maxConcurrentWorkflowTaskExecutions,
      concurrent_activities: tuning.maxConcurrentActivityTaskExecutions,
      concurrent_local_activities: tuning.maxConcurrentLocalActivityExecutions,
      activities_per_second: null,
    });
  }
});

test('a declaration that is not valid is refused with every fault', (t) => {
  const error = t.throws(() =>
    parseTemporalDeclaration(
      '{namespace: {name: x, description: "", retention_hours: 1}, more: 1}',
    ),
  );
  for (const fault of ['retention_hours', 'search_attributes', 'task_queues', 'additional']) {
    t.true(error.message.includes(fault), fault);
  }
});
