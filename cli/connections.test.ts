import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CliError } from './cli-error.ts';
import { configDirectory, parseServerUrl } from './connection.ts';
import { createProfileStore, type ProfileStore } from './profile-store.ts';
import { resolveConnection } from './resolve-connection.ts';

const one = { url: 'http://one.test', clientId: 'id-1', clientSecret: 'secret-1' };
const two = { url: 'https://two.test/store', clientId: 'id-2', clientSecret: 'secret-2' };

async function makeStore(t: ExecutionContext): Promise<ProfileStore> {
  const directory = await mkdtemp(join(tmpdir(), 'artstore-profiles-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return createProfileStore(join(directory, 'artstore'));
}

const choose = (
  profiles: ProfileStore,
  choice: { profile?: string; url?: string } = {},
  env: Record<string, string> = {},
) => resolveConnection({ profile: choice.profile, url: choice.url }, { env, profiles });

test('addresses of servers', (t) => {
  t.is(parseServerUrl('http://a.test:8080/'), 'http://a.test:8080');
  t.is(parseServerUrl('https://a.test/store/api/v1/'), 'https://a.test/store');
  for (const text of ['a.test', 'ftp://a.test', '', 'http://user:pw@a.test', 'file:///etc']) {
    t.throws(() => parseServerUrl(text), { instanceOf: CliError });
  }
});

test('profiles are kept for the owner only, and changed one by one', async (t) => {
  const store = await makeStore(t);
  t.deepEqual(await store.read(), { current: null, byName: new Map() });
  await store.save('one', one);
  await store.save('две', two);
  t.is((await store.read()).current, 'две');
  t.is((await stat(store.path)).mode & 0o777, 0o600);
  await store.use('one');
  await t.throwsAsync(store.use('none'), { instanceOf: CliError });
  t.deepEqual(await store.remove('one'), one);
  t.deepEqual(await store.read(), { current: null, byName: new Map([['две', two]]) });
  t.is(await store.remove('one'), null);
});

test('a file of secrets that others may read is not used', async (t) => {
  const store = await makeStore(t);
  await store.save('one', one);
  await chmod(store.path, 0o640);
  const error = await t.throwsAsync(store.read(), { instanceOf: CliError });
  t.regex(error?.message ?? '', /may be read by others/);
  t.is(error?.exitCode, 8);
});

test('a damaged file of profiles is told and not written over', async (t) => {
  const store = await makeStore(t);
  await store.save('one', one);
  for (const text of ['{', '[]', '{"profiles":{"a":{"url":1}}}', '{"current":1,"profiles":{}}']) {
    await writeFile(store.path, text);
    await t.throwsAsync(store.save('two', two), { message: /is damaged/ });
    t.is(await readFile(store.path, 'utf8'), text);
  }
});

test('a named profile, else the environment, else the current profile', async (t) => {
  const store = await makeStore(t);
  const env = { ARTSTORE_URL: two.url, ARTSTORE_CLIENT_ID: 'e', ARTSTORE_CLIENT_SECRET: 's' };
  t.is((await t.throwsAsync(choose(store), { instanceOf: CliError }))?.exitCode, 3);
  await store.save('one', one);
  t.deepEqual(await choose(store), one);
  t.deepEqual(await choose(store, {}, env), { url: two.url, clientId: 'e', clientSecret: 's' });
  const named = { ...env, ARTSTORE_URL: '' };
  t.deepEqual(await choose(store, { profile: 'one' }, named), one);
  t.deepEqual(await choose(store, {}, { ...named, ARTSTORE_PROFILE: 'one' }), one);
  await t.throwsAsync(choose(store, {}, named), { message: /Name the server/ });
  await t.throwsAsync(choose(store, { profile: 'none' }), { message: /no profile "none"/ });
});

test('the secret of a profile goes to its own server only', async (t) => {
  const store = await makeStore(t);
  await store.save('one', one);
  t.deepEqual(await choose(store, { url: `${one.url}/api/v1` }), one);
  const error = await t.throwsAsync(choose(store, { url: 'http://evil.test' }));
  t.regex(error?.message ?? '', /belongs to http:\/\/one\.test/);
});

test('directories by the XDG specification', (t) => {
  t.is(configDirectory({ HOME: '/home/u' }), '/home/u/.config/artstore');
  t.is(configDirectory({ HOME: '/home/u', XDG_CONFIG_HOME: '/c' }), '/c/artstore');
  t.is(configDirectory({ HOME: '/home/u', XDG_CONFIG_HOME: 'c' }), '/home/u/.config/artstore');
});
