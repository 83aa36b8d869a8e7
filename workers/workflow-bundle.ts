import { fileURLToPath } from 'node:url';
import {
  bundleWorkflowCode,
  type Logger,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';

/**
 * All workflow code as one script for the sandbox. Takes about a second, so a process makes it
 * once, however many elements it serves.
 */
export function bundleWorkflows(
  logger: Logger,
  entry: URL = new URL('../workflows/index.ts', import.meta.url),
): Promise<WorkflowBundleWithSourceMap> {
  return bundleWorkflowCode({ workflowsPath: fileURLToPath(entry), logger });
}
