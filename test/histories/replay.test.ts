import { readFile, readdir } from 'node:fs/promises';
import { DeterminismViolationError } from '@temporalio/workflow';
import { Worker, type ReplayResult, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import test from 'ava';
import { installQuietRuntime, quietLogger } from '#test/support/element-harness.ts';
import { followerScenarios } from '#test/support/follower-scenarios.ts';
import { rebuildScenarios } from '#test/support/rebuild-scenarios.ts';
import { reconcileScenarios } from '#test/support/reconcile-scenarios.ts';
import { reindexScenarios } from '#test/support/reindex-scenarios.ts';
import { storeFilesScenarios } from '#test/support/store-files-scenarios.ts';
import { bundleWorkflows } from '#workers/workflow-bundle.ts';
import { workflowTypes } from '#workflows/messages.ts';
import { changeRecordings } from './change-recordings.ts';
import { migrationRecordings } from './migration-recordings.ts';

interface Recorded {
  readonly name: string;
  readonly history: unknown;
}

let recorded: Recorded[] = [];
test.before(async () => {
  installQuietRuntime();
  const names = (await readdir(import.meta.dirname)).filter((name) => name.endsWith('.json'));
  recorded = await Promise.all(
    names.map(async (name) => ({
      name,
      history: JSON.parse(
        await readFile(new URL(name, import.meta.url), 'utf8'),
      ) as unknown,
    })),
  );
});

async function replay(workflowBundle: WorkflowBundleWithSourceMap): Promise<ReplayResult[]> {
  const histories = recorded.map(({ name, history }) => ({ workflowId: name, history }));
  return Array.fromAsync(Worker.runReplayHistories({ workflowBundle }, histories));
}

test('every recorded history replays', async (t) => {
  const results = await replay(await bundleWorkflows(quietLogger));
  t.is(results.length, recorded.length);
  for (const { workflowId, error } of results) t.is(error, undefined, workflowId);
});

test('every branch of every workflow is recorded', (t) => {
  const names = recorded.map(({ name }) => name);
  const killed = ['claim-group', 'commit-contents', 'write-sidecars', 'record-group'];
  const branches = [
    ...storeFilesScenarios.map(({ name }) => `store-files.${name}`),
    ...killed.map((step) => `store-files.killed-after-${step}`),
    'store-files.success-with-update',
    'store-files.nothing-claimed',
    'sweep-element.success',
    'sweep-element.resolve-stalled-groups-fails',
    'sweep-element.abandon-dead-uploads-fails',
    'sweep-element.discard-leftovers-fails',
    'sweep-element.forget-finished-uploads-fails',
    'sweep-element.cancelled',
    'sweep-element.success-with-changes',
    'sweep-element.settle-lost-changes-fails',
    ...changeRecordings.map(([name]) => name),
    ...migrationRecordings.map(([name]) => name),
    ...followerScenarios.map(({ name }) => `follow-outbox.${name}`),
    ...reconcileScenarios.map(({ name }) => `reconcile-element.${name}`),
    ...reindexScenarios.map(({ name }) => `reindex-search.${name}`),
    ...rebuildScenarios.map(({ name }) => `rebuild-catalogue.${name}`),
  ];
  for (const branch of branches) t.true(names.includes(`${branch}.json`), branch);
});

test('altered code fails the replay of every workflow', async (t) => {
  const altered = new URL('altered-workflows.ts', import.meta.url);
  const results = await replay(await bundleWorkflows(quietLogger, altered));
  const failed = results.filter(({ error }) => error instanceof DeterminismViolationError);
  const names = failed.map(({ workflowId }) => workflowId);
  for (const workflow of Object.values(workflowTypes)) {
    const prefix = workflow.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    t.true(names.includes(`${prefix}.success.json`), prefix);
  }
});
