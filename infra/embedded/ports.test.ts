import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { choosePorts } from './ports.ts';

test('ports are remembered while they are free, and no two parts share one', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'artstore-ports-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = join(directory, 'ports.json');
  const first = await choosePorts(file, false);
  t.is(new Set(Object.values(first)).size, Object.keys(first).length);

  const stranger = createServer().listen(first.postgres, '127.0.0.1');
  await once(stranger, 'listening');
  const second = await choosePorts(file, false);
  stranger.close();
  t.not(second.postgres, first.postgres);
  t.deepEqual({ ...second, postgres: 0 }, { ...first, postgres: 0 });
});
