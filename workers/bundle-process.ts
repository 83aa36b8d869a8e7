/** Bundles the workflow code whose entry it is given, tells what the bundler says, and ends. */
import { DefaultLogger, bundleWorkflowCode } from '@temporalio/worker';
import type { BundleMessage } from './workflow-bundle.ts';

const [, , workflowsPath] = process.argv;
if (workflowsPath === undefined || process.send === undefined) {
  throw new Error('this process is started by a worker');
}
// Whoever wanted it is gone.
process.once('disconnect', () => process.exit(1));
const logger = new DefaultLogger('WARN', ({ level, message, meta }) =>
  // Not everything that stands beside the message could cross over.
  tell({ kind: 'log', level, message, detail: meta?.['error'] ? String(meta['error']) : null }),
);
const { code } = await bundleWorkflowCode({ workflowsPath, logger });
tell({ kind: 'bundle', code }, () => process.exit());

function tell(message: BundleMessage, whenSent: () => void = () => undefined): void {
  process.send?.(message, whenSent);
}
