import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import test from 'ava';
import { createTestDatabase } from '#test/support/test-database.ts';
import { testStack } from '#test/support/test-stack.ts';

const entry = new URL('../../api/main.ts', import.meta.url);

interface RunningApi {
  readonly child: ChildProcess;
  readonly url: string;
  readonly exited: Promise<unknown[]>;
}

async function startProcess(databaseUrl: string): Promise<RunningApi> {
  const { temporalAddress, temporalNamespace } = testStack();
  const child = fork(entry, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      PATH: process.env['PATH'],
      ARTSTORE_HTTP_PORT: '0',
      ARTSTORE_DATABASE_URL: databaseUrl,
      ARTSTORE_TEMPORAL_ADDRESS: temporalAddress,
      ARTSTORE_TEMPORAL_NAMESPACE: temporalNamespace,
      ARTSTORE_MASTER_KEY: randomBytes(32).toString('base64'),
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const exited = once(child, 'exit');
  const [message] = (await Promise.race([
    once(child, 'message'),
    exited.then((): never => {
      throw new Error(output);
    }),
  ])) as [{ kind: string; port: number }];
  if (message.kind !== 'ready') throw new Error(JSON.stringify(message));
  return { child, url: `http://127.0.0.1:${message.port}`, exited };
}

for (const [title, stop] of [
  ['SIGTERM', (child: ChildProcess) => void child.kill('SIGTERM')],
  ['the end of its supervisor', (child: ChildProcess) => child.disconnect()],
] as const) {
  test.serial(`the process says when it is ready, serves, and ends by ${title}`, async (t) => {
    const database = await createTestDatabase();
    try {
      const { child, url, exited } = await startProcess(database.url);
      const ready = await fetch(`${url}/health/ready`);
      t.is(ready.status, 200);
      t.deepEqual(await ready.json(), {
        state: 'ready',
        components: { postgres: 'up', temporal: 'up', storage: 'up' },
      });
      const metadata = await fetch(`${url}/.well-known/oauth-authorization-server`);
      t.like(await metadata.json(), { issuer: url });
      stop(child);
      t.deepEqual(await exited, [0, null]);
      await t.throwsAsync(fetch(url));
    } finally {
      await database.dispose();
    }
  });
}
