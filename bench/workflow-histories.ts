import { Client, Connection } from '@temporalio/client';
import type { ProductTarget } from './target.ts';

/** @returns the most events that any workflow of these types has which was started since then. */
export async function findLongestHistory(
  { temporal }: ProductTarget,
  types: readonly string[],
  since: Date,
): Promise<number> {
  return withTemporal(temporal.address, async (connection) => {
    const client = new Client({ connection, namespace: temporal.namespace });
    const names = types.map((type) => `WorkflowType = '${type}'`).join(' OR ');
    const query = `(${names}) AND StartTime >= '${since.toISOString()}'`;
    let longest = 0;
    let found = 0;
    for await (const { workflowId, runId } of client.workflow.list({ query })) {
      // The list tells the length only some time after a workflow's end.
      const { historyLength } = await client.workflow.getHandle(workflowId, runId).describe();
      longest = Math.max(longest, historyLength);
      found += 1;
    }
    if (found === 0) throw new Error(`there is no workflow of ${types.join(', ')}`);
    return longest;
  });
}

/** Whether a worker asks for tasks of this queue. */
export async function isServed({ temporal }: ProductTarget, taskQueue: string): Promise<boolean> {
  return withTemporal(temporal.address, async (connection) => {
    const { pollers } = await connection.workflowService.describeTaskQueue({
      namespace: temporal.namespace,
      taskQueue: { name: taskQueue },
      taskQueueType: 'TASK_QUEUE_TYPE_WORKFLOW' as never,
    });
    return (pollers ?? []).length > 0;
  });
}

async function withTemporal<Result>(
  address: string,
  use: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const connection = await Connection.connect({ address });
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}
