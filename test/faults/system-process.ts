/**
 * The supervisor of the fault tests: the product's own, with the barrier's worker in place of the
 * product's. Ends everything when the test that started it is gone.
 */
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { cacheHome, childEnvironment } from '#config/child-environment.ts';
import { loadEmbeddedConfig } from '#config/load-config.ts';
import { createProgress } from '#infra/embedded/progress.ts';
import { startStack } from '#infra/embedded/stack.ts';
import { barrierSocketVariable } from './barrier-visit.ts';

const progress = createProgress(process.stdout);
const shutdown = new AbortController();
const stopping = Promise.withResolvers<void>();
process.once('disconnect', () => {
  shutdown.abort();
  stopping.resolve();
});
// What ends the test runner reaches its whole process group; the channel alone decides here.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);

const [barrierSocket = ''] = process.argv.slice(2);
const stack = await startStack({
  config: loadEmbeddedConfig(),
  apiEntry: fileURLToPath(import.meta.resolve('#api/main.ts')),
  workerEntry: fileURLToPath(import.meta.resolve('#test/faults/barrier-worker.ts')),
  cacheHome: cacheHome(homedir()),
  environment: childEnvironment({ [barrierSocketVariable]: barrierSocket }),
  progress,
  log: (line) => progress.say(`${new Date().toISOString()} ${line}`),
  signal: shutdown.signal,
});
process.send?.({ kind: 'ready' });
await stopping.promise;
await stack.stop();
process.exit();
