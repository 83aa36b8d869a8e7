import { openTemporalHarness } from '#test/support/element-harness.ts';
import { playScenario, storeFilesScenarios } from '#test/support/store-files-scenarios.ts';
const temporal = await openTemporalHarness();
for (const name of process.argv.slice(2)) {
  const scenario = storeFilesScenarios.find((s) => s.name === name)!;
  const { handle, aftermath } = await playScenario(temporal, scenario);
  console.log(name, JSON.stringify(aftermath));
  const h = await handle.fetchHistory();
  for (const e of h.events!) console.log(Number(e.eventId), e.eventType, JSON.stringify(e.markerRecordedEventAttributes?.failure ?? e.activityTaskFailedEventAttributes?.failure ?? e.workflowExecutionFailedEventAttributes?.failure ?? e.workflowTaskFailedEventAttributes ?? e.activityTaskScheduledEventAttributes?.activityType)?.slice(0, 600) ?? '');
}
await temporal[Symbol.asyncDispose]();
