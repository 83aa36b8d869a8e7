import type { WorkflowHandle } from '@temporalio/client';

/** @param attributes names the kind of event, as `activityTaskScheduledEventAttributes`. */
export async function countEvents(
  handle: Pick<WorkflowHandle, 'fetchHistory'>,
  attributes: string,
): Promise<number> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).filter((event) => (event[attributes as never] ?? null) !== null).length;
}
