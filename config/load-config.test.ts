import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ConfigError, loadApiConfig, loadEmbeddedConfig, loadWorkerConfig } from './load-config.ts';
import { documentedVariables } from './schema.ts';

const masterKey = Buffer.alloc(32, 7).toString('base64');
const needed = {
  ARTSTORE_DATABASE_URL: 'postgres://artstore:secret@127.0.0.1/artstore',
  ARTSTORE_TEMPORAL_ADDRESS: '127.0.0.1:7233',
  ARTSTORE_MASTER_KEY: masterKey,
};

function faultsOf(load: () => unknown): readonly string[] {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

test('npm start needs no setting at all', (t) => {
  const config = loadEmbeddedConfig({});
  t.is(config.dataDirectory, './.artstore');
  t.is(config.httpHost, '127.0.0.1');
  t.is(config.httpPort, 8080);
  t.is(config.initialClientSecret, null);
  t.true(Object.isFrozen(config));
});

test('values are typed', (t) => {
  const api = loadApiConfig({ ...needed, ARTSTORE_HTTP_PORT: '0' });
  t.deepEqual(api.masterKey, new Uint8Array(32).fill(7));
  t.is(api.httpPort, 0);
  t.is(api.redisUrl, null);
  const worker = loadWorkerConfig({ ...needed, ARTSTORE_WORKER_ELEMENTS: 'edit-01, rw-01' });
  t.deepEqual([...worker.workerElements!], ['edit-01', 'rw-01']);
});

test('all faults are named at once, and no value is shown', (t) => {
  const environment = {
    ARTSTORE_HTTP_PORT: '65536',
    ARTSTORE_PUBLIC_URL: 'https://store.example/path',
    ARTSTORE_MASTER_KEY: 'too-short-a-secret',
    ARTSTORE_LOG_LEVEL: 'loud',
    ARTSTORE_REDIS_URL: 'http://redis',
  };
  const faults = faultsOf(() => loadApiConfig(environment));
  for (const variable of [...Object.keys(environment), 'ARTSTORE_DATABASE_URL']) {
    t.is(faults.filter((fault) => fault.startsWith(`${variable} `)).length, 1, variable);
  }
  t.true(faults.includes('ARTSTORE_TEMPORAL_ADDRESS is required'));
  t.is(faults.length, 7);
  for (const value of Object.values(environment)) t.false(faults.join().includes(value), value);
});

test('an empty value counts as not set', (t) => {
  t.is(loadEmbeddedConfig({ ARTSTORE_HTTP_PORT: '' }).httpPort, 8080);
  t.deepEqual(
    faultsOf(() => loadApiConfig({ ...needed, ARTSTORE_MASTER_KEY: '' })),
    ['ARTSTORE_MASTER_KEY is required'],
  );
});

test('a secret can be in a file, and only in one place', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'artstore-config-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = join(directory, 'key');
  await writeFile(file, `${masterKey}\n`);
  const { ARTSTORE_MASTER_KEY: _, ...others } = needed;
  const config = loadApiConfig({ ...others, ARTSTORE_MASTER_KEY_FILE: file });
  t.deepEqual(config.masterKey, new Uint8Array(32).fill(7));
  t.deepEqual(
    faultsOf(() => loadApiConfig({ ...needed, ARTSTORE_MASTER_KEY_FILE: file })),
    ['ARTSTORE_MASTER_KEY and ARTSTORE_MASTER_KEY_FILE are both set'],
  );
  await writeFile(file, '\n');
  const others2 = { ...others, ARTSTORE_MASTER_KEY_FILE: file };
  t.deepEqual(
    faultsOf(() => loadApiConfig(others2)),
    ['ARTSTORE_MASTER_KEY_FILE names an empty file'],
  );
  t.deepEqual(
    faultsOf(() => loadApiConfig({ ...others, ARTSTORE_MASTER_KEY_FILE: join(directory, 'none') })),
    ['ARTSTORE_MASTER_KEY_FILE names a file that cannot be read'],
  );
});

test('only secrets can be in files', (t) => {
  t.is(loadEmbeddedConfig({ ARTSTORE_HTTP_HOST_FILE: '/nowhere' }).httpHost, '127.0.0.1');
});

test('every variable is documented once', (t) => {
  const names = documentedVariables.map(({ variable }) => variable);
  t.is(new Set(names).size, names.length);
  for (const { description } of documentedVariables) t.regex(description, /\S\.$/);
});
