import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { runEmbedded } from '#test/support/embedded-process.ts';

test('wrong settings are named all at once, without their values, and nothing is made', async (t) => {
  const dataDirectory = join(tmpdir(), `artstore-embedded-settings-${process.pid}`);
  const { code, output } = await runEmbedded({
    ARTSTORE_DATA_DIR: dataDirectory,
    ARTSTORE_HTTP_PORT: '70000',
    ARTSTORE_INITIAL_CLIENT_ID: 'two words',
    ARTSTORE_INITIAL_CLIENT_SECRET: 'a short one',
    ARTSTORE_LOG_LEVEL: 'loud',
  });
  t.is(code, 1);
  for (const variable of [
    'ARTSTORE_HTTP_PORT',
    'ARTSTORE_INITIAL_CLIENT_ID',
    'ARTSTORE_INITIAL_CLIENT_SECRET',
    'ARTSTORE_LOG_LEVEL',
  ]) {
    t.true(output.includes(variable), variable);
  }
  t.false(output.includes('a short one'));
  await t.throwsAsync(stat(dataDirectory), { code: 'ENOENT' });
});
