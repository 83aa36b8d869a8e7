import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LogLevel, Logger, WorkflowBundleWithSourceMap } from '@temporalio/worker';

/** What the bundling process says. */
export type BundleMessage =
  | {
      readonly kind: 'log';
      readonly level: LogLevel;
      readonly message: string;
      readonly detail: string | null;
    }
  | { readonly kind: 'bundle'; readonly code: string };

/**
 * All workflow code as one script for the sandbox. Takes about a second, so a process makes it
 * once, however many elements it serves; and a process of its own, because the bundler needs some
 * hundred megabytes that a worker would keep for its whole life.
 * @throws Error when the code cannot be bundled; what the bundler said is in the log
 */
export function bundleWorkflows(
  logger: Logger,
  entry: URL = new URL('../workflows/index.ts', import.meta.url),
): Promise<WorkflowBundleWithSourceMap> {
  const { promise, resolve, reject } = Promise.withResolvers<WorkflowBundleWithSourceMap>();
  const bundler = fork(new URL('bundle-process.ts', import.meta.url), [fileURLToPath(entry)]);
  bundler.on('message', (message: BundleMessage) => {
    if (message.kind === 'log') {
      const { level, message: text, detail } = message;
      logger.log(level, text, detail === null ? {} : { detail });
    } else {
      // Maps stand in the code itself.
      resolve({ code: message.code, sourceMap: 'deprecated: this is no longer in use' });
    }
  });
  bundler.once('error', reject);
  // Without an effect once the bundle is there.
  bundler.once('exit', (code, signal) => {
    reject(new Error(`the workflow code could not be bundled (${signal ?? code})`));
  });
  return promise;
}
