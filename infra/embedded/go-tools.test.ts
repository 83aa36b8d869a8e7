import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ensureGoTools } from './go-tools.ts';
import { StartupError } from './startup-error.ts';

test('without Go and without a build, both ways on are named and nothing is left', async (t) => {
  const cacheHome = await mkdtemp(join(tmpdir(), 'artstore-go-tools-'));
  t.teardown(() => rm(cacheHome, { recursive: true }));
  const error = await t.throwsAsync(
    ensureGoTools({
      cacheHome,
      environment: { PATH: cacheHome },
      progress: { say: () => undefined, show: () => undefined },
      signal: new AbortController().signal,
    }),
    { instanceOf: StartupError },
  );
  t.regex(error.message, /install Go/);
  t.regex(error.message, /ARTSTORE_TEMPORAL_ADDRESS/);
  t.deepEqual(await readdir(join(cacheHome, 'artstore', 'go-tools')), []);
});
