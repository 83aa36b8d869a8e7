import type { SearchAttributePair } from '@temporalio/common';
import type { AccountId, ElementId, FileId } from '#domain/ids.ts';
import { phases, searchAttributes } from '#workflows/messages.ts';

/** By what operators find the workflow that changes one file. */
export function describeChange(change: {
  readonly workflowType: string;
  readonly fileId: FileId;
  readonly elementId: ElementId;
  readonly startedBy: AccountId;
}): SearchAttributePair[] {
  return [
    { key: searchAttributes.fileIds, value: [change.fileId] },
    { key: searchAttributes.elementId, value: change.elementId },
    { key: searchAttributes.actor, value: change.startedBy },
    { key: searchAttributes.operation, value: change.workflowType },
    { key: searchAttributes.phase, value: phases.running },
  ];
}
