export type WorkflowStatus = 'running' | 'closed' | 'absent';

export interface WorkflowDirectory {
  /** @throws WORKFLOWS_UNAVAILABLE when Temporal does not answer: absence proves nothing. */
  findStatus(workflowId: string): Promise<WorkflowStatus>;
}
