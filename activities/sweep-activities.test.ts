import test from 'ava';
import { DomainError, isDomainError } from '#domain/errors.ts';
import type { ElementId, FileId, GroupId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { ObjectStore } from '#domain/ports/object-store.ts';
import type { WorkflowStatus } from '#domain/ports/workflow-directory.ts';
import { createActivityEnvironment } from '#test/support/activity-environment.ts';
import { createGroupTurns } from './group-turns.ts';
import { createSweepActivities, type SweepPorts } from './sweep-activities.ts';

const elementId = 'element-1' as ElementId;

interface World {
  readonly dead: FileId[][];
  readonly discarded: FileId[];
  readonly statuses: Map<string, WorkflowStatus | DomainError>;
  readonly recorded: GroupId[];
  readonly forgotten: number[];
  isHeld: boolean;
}

function createWorld(): World & { readonly ports: SweepPorts } {
  const world: World = {
    dead: [],
    discarded: [],
    statuses: new Map(),
    recorded: [],
    forgotten: [],
    isHeld: true,
  };
  const element = {
    async discardStaged(fileId) {
      world.discarded.push(fileId);
    },
    hasSidecar: async () => true,
    returnContents: async () => undefined,
  } as Partial<ObjectStore> as ObjectStore;
  const ports: SweepPorts = {
    elementId,
    elements: { openElement: async () => element },
    lock: { isHeld: () => world.isHeld },
    turns: createGroupTurns(),
    workflowOfGroup: (groupId) => `store-files/${groupId}`,
    directory: {
      async findStatus(workflowId) {
        const status = world.statuses.get(workflowId);
        if (status instanceof DomainError) throw status;
        return status ?? 'absent';
      },
    },
    registry: {
      abandonDeadUploads: async () => ({ abandoned: world.dead.shift() ?? [] }),
      findStalledGroups: async () => ['g1', 'g2', 'g3'] as GroupId[],
      findGroup: async () => [{ fileId: 'x', sidecarDigest: 'd' }] as never,
      findUploads: async () => [],
      async recordGroup(groupId, outcomes) {
        world.recorded.push(groupId);
        return outcomes;
      },
      forgetFinishedUploads: async () => world.forgotten.shift() ?? 0,
    },
  };
  return Object.assign(world, { ports });
}

const batch = (size: number): FileId[] =>
  Array.from({ length: size }, (_, index) => `file-${index}` as FileId);

test('dead uploads are taken batch by batch until one is not full', async (t) => {
  const world = createWorld();
  world.dead.push(batch(limits.sweepBatch), batch(3), batch(1));
  const environment = createActivityEnvironment();
  const { abandonDeadUploads } = createSweepActivities(world.ports);
  const count = await environment.run(() => abandonDeadUploads({ elementId }));
  t.is(count, limits.sweepBatch + 3);
  t.is(world.discarded.length, count);
  t.true(environment.heartbeats >= count, 'a long sweep says that it is alive');
});

test('old uploads are forgotten batch by batch', async (t) => {
  const world = createWorld();
  world.forgotten.push(limits.sweepBatch, limits.sweepBatch, 7, 1);
  const { forgetFinishedUploads } = createSweepActivities(world.ports);
  const count = await createActivityEnvironment().run(() => forgetFinishedUploads({ elementId }));
  t.is(count, 2 * limits.sweepBatch + 7);
});

test('only groups whose workflow is closed or absent are resolved', async (t) => {
  const world = createWorld();
  world.statuses.set('store-files/g1', 'running').set('store-files/g2', 'closed');
  const { resolveStalledGroups } = createSweepActivities(world.ports);
  const count = await createActivityEnvironment().run(() => resolveStalledGroups({ elementId }));
  t.is(count, 2);
  t.deepEqual(world.recorded, ['g2', 'g3']);
});

test('a Temporal that does not answer proves nothing', async (t) => {
  const world = createWorld();
  const silence = new DomainError('WORKFLOWS_UNAVAILABLE', 'Temporal does not answer.');
  world.statuses.set('store-files/g1', silence);
  const { resolveStalledGroups } = createSweepActivities(world.ports);
  const error = await t.throwsAsync(
    createActivityEnvironment().run(() => resolveStalledGroups({ elementId })),
  );
  t.is(error, silence);
  t.deepEqual(world.recorded, []);
});

test('without the right to write nothing is discarded', async (t) => {
  const world = createWorld();
  world.dead.push(batch(2));
  world.isHeld = false;
  const { abandonDeadUploads } = createSweepActivities(world.ports);
  const error = await t.throwsAsync(
    createActivityEnvironment().run(() => abandonDeadUploads({ elementId })),
  );
  t.true(isDomainError(error, 'ELEMENT_UNAVAILABLE'));
  t.deepEqual(world.discarded, []);
});

test('a cancel ends the sweep between two files', async (t) => {
  const world = createWorld();
  world.dead.push(batch(2));
  const environment = createActivityEnvironment();
  environment.cancel();
  const { abandonDeadUploads } = createSweepActivities(world.ports);
  await t.throwsAsync(environment.run(() => abandonDeadUploads({ elementId })));
  t.deepEqual(world.discarded, []);
});
