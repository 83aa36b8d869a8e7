/**
 * `npm start`: the whole system on one machine. Starts PostgreSQL, Temporal with its UI,
 * Meilisearch, Redis when it is there, the API and a worker, keeps them running and stops them.
 */
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { cacheHome, childEnvironment } from '#config/child-environment.ts';
import { ConfigError, loadEmbeddedConfig } from '#config/load-config.ts';
import { renderBanner } from './banner.ts';
import { watchNpm } from './npm-parent.ts';
import { createProgress } from './progress.ts';
import { startStack } from './stack.ts';
import { StartupError } from './startup-error.ts';

const progress = createProgress(process.stdout);
const stopping = Promise.withResolvers<string>();
const shutdown = new AbortController();

function requestStop(reason: string): void {
  shutdown.abort();
  stopping.resolve(reason);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => requestStop(signal));
}
// A closed terminal or pipe must not end the supervisor before its processes.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);
process.on('uncaughtException', (error) => {
  log(describeFailure(error));
  process.exitCode = 1;
  requestStop('a fault of the supervisor');
});
watchNpm(() => requestStop('npm has ended'));

function log(line: string): void {
  progress.say(`${new Date().toISOString()} ${line}`);
}

try {
  const stack = await startStack({
    config: loadEmbeddedConfig(),
    apiEntry: fileURLToPath(import.meta.resolve('#api/main.ts')),
    workerEntry: fileURLToPath(import.meta.resolve('#workers/main.ts')),
    cacheHome: cacheHome(homedir()),
    environment: childEnvironment(),
    progress,
    log,
    signal: shutdown.signal,
  });
  progress.say(renderBanner(stack.ready, stack.dataDirectory));
  log(`stopping: ${await stopping.promise}`);
  await stack.stop();
  log('stopped');
} catch (error) {
  if (!shutdown.signal.aborted) {
    progress.say(describeFailure(error));
    process.exitCode = 1;
  }
}
// Timers of connections that were cut short may still hold the event loop.
process.exit();

function describeFailure(error: unknown): string {
  const isExpected = error instanceof StartupError || error instanceof ConfigError;
  return isExpected ? error.message : String(error instanceof Error ? error.stack : error);
}
