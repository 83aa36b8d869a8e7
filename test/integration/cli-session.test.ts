import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { childEnvironment } from '#config/child-environment.ts';
import { accountVariables, openCliHome, type CliHome } from '#test/support/run-cli.ts';
import {
  startRecordingServer,
  operationJson,
  someOperationId,
} from '#test/support/recording-server.ts';
import { startTestApi, type TestApi, type TestClient } from '#test/support/test-api.ts';

const launcher = fileURLToPath(import.meta.resolve('#cli/artstore'));
let api: TestApi;
let admin: TestClient;
test.before(async () => {
  api = await startTestApi();
  admin = await api.createClient('ADMIN');
});
test.after.always(() => api[Symbol.asyncDispose]());

const loginArgs = () => ['login', '--url', api.url, '--client-id', admin.clientId];

test.serial(
  'an account logs in from standard input, works, changes profiles and logs out',
  async (t) => {
    await using home = await openCliHome();
    t.is((await home.run(['list'])).code, 3);
    const first = await home.run(loginArgs(), { input: `${admin.secret}\nsecond line` });
    t.is(first.code, 0, first.stderr);
    const reader = await api.createClient('READONLY');
    const second = await home.run(
      ['--profile', 'чтение', 'login', '--url', api.url, '--client-id', reader.clientId, '--json'],
      { env: { ARTSTORE_CLIENT_SECRET: reader.secret } },
    );
    t.deepEqual(second.json(), [{ profile: 'чтение', url: api.url, client_id: reader.clientId }]);

    await writeFile(join(home.directory, 'a.txt'), 'a');
    const forbidden = await home.run(['upload', 'a.txt']);
    t.is(forbidden.code, 3, 'the profile that was made last is the current one');
    t.is((await home.run(['profile', 'use', 'default'])).code, 0);
    t.is((await home.run(['upload', 'a.txt'])).code, 0);
    const listed = await home.run(['profile', 'list', '--json']);
    t.deepEqual(
      listed.json().map(({ profile, is_current: isCurrent }) => [profile, isCurrent]),
      [
        ['default', true],
        ['чтение', false],
      ],
    );

    const config = join(home.directory, 'config', 'artstore');
    const tokens = join(home.directory, 'cache', 'artstore', 'tokens');
    t.is((await stat(config)).mode & 0o777, 0o700);
    t.is((await stat(join(config, 'config.json'))).mode & 0o777, 0o600);
    for (const name of await readdir(tokens)) {
      t.is((await stat(join(tokens, name))).mode & 0o777, 0o600);
    }
    t.is((await readdir(tokens)).length, 2);
    t.is((await home.run(['logout', '--profile', 'чтение'])).code, 0);
    t.is((await home.run(['logout'])).code, 0);
    t.deepEqual(await readdir(tokens), []);
    t.false((await readFile(join(config, 'config.json'), 'utf8')).includes(admin.secret));
    t.is((await home.run(['list'])).code, 3);
  },
);

test.serial('a token is used by the next commands too', async (t) => {
  await using home = await openCliHome(accountVariables(api.url, admin));
  const countTokens = () =>
    api.log.filter((entry) => JSON.stringify(entry).includes('/auth/token')).length;
  t.is((await home.run(['list', '--limit', '1'])).code, 0);
  const before = countTokens();
  t.true(before > 0);
  t.is((await home.run(['list', '--limit', '1'])).code, 0);
  t.is(countTokens(), before);
});

test.serial('what npm start left is enough to log in', async (t) => {
  await using home = await openCliHome();
  const data = join(home.directory, '.artstore');
  await mkdir(data);
  const credentials = { client_id: admin.clientId, client_secret: admin.secret };
  await writeFile(join(data, 'credentials.json'), JSON.stringify(credentials), { mode: 0o600 });
  const stopped = await home.run(['login']);
  t.is(stopped.code, 2);
  t.regex(stopped.stderr, /not running/);
  await writeFile(join(data, 'ready.json'), JSON.stringify({ api_url: api.url }));
  const found = await home.run(['login']);
  t.is(found.code, 0, found.stderr);
  t.is((await home.run(['login', '--from', data])).code, 0);
  t.is((await home.run(['login', '--from', join(data, 'none')])).code, 8);
  t.is((await home.run(['list', '--limit', '1'])).code, 0);
});

test.serial('a wrong secret is refused, kept nowhere and shown nowhere', async (t) => {
  await using home = await openCliHome();
  const secret = 'wrong-secret-that-nobody-should-see';
  const refused = await home.run(loginArgs(), { input: secret });
  t.is(refused.code, 3);
  t.false((refused.stdout + refused.stderr).includes(secret));
  await t.throwsAsync(stat(join(home.directory, 'config')), { code: 'ENOENT' });
  t.is((await home.run(loginArgs(), { input: '' })).code, 2);
  const inArgument = await home.run([...loginArgs(), '--client-secret', secret]);
  t.is(inArgument.code, 2, 'there is no such option');
});

test.serial('no secret and no token is in any output', async (t) => {
  await using home = await openCliHome(accountVariables(api.url, admin));
  await writeFile(join(home.directory, 'a.txt'), 'a');
  const lines = [
    ['upload', 'a.txt', '--json'],
    ['list', '--json'],
    ['show', 'none'],
    ['profile', 'list'],
    ['elements', 'list', '--json'],
    ['migrate', 'run', '--from', '9.9'],
  ];
  for (const line of lines) {
    const { stdout, stderr } = await home.run(line);
    t.false((stdout + stderr).includes(admin.secret), line.join(' '));
    t.notRegex(stdout + stderr, /eyJ[\w-]+\.eyJ/);
  }
});

test.serial('wrong command lines end with 2 and say why', async (t) => {
  await using home = await openCliHome(accountVariables(api.url, admin));
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['', /Usage: artstore/],
    ['uplaod x', /unknown command.*\n.*upload/],
    ['upload', /missing required argument/],
    ['upload --parallel 1000 x', /from 1 to 64/],
    ['upload --ttl-days 0 x', /from 1 to 365/],
    ['upload --permanent --ttl-days 5 x', /cannot be used with/],
    ['find', /Say what to look for/],
    ['find --created-from gestern', /must be a date/],
    ['rebuild', /Name one element/],
    ['rebuild a --all', /Name one element/],
    ['elements register a --path /x', /--mode/],
    ['list --limit none', /whole number/],
    ['--url ftp://x list', /not the address of a server/],
  ];
  for (const [line, reason] of wrong) {
    const result = await home.run(line === '' ? [] : line.split(' '));
    t.is(result.code, 2, line);
    t.is(result.stdout, '', line);
    t.regex(result.stderr, reason, line);
  }
  const help = await home.run(['help', 'exit-codes']);
  t.is(help.code, 0);
  t.regex(help.stdout, /^ +5 {2}The state of the thing forbids it/m);
});

test.serial('a server that is not there is code 6', async (t) => {
  const gone = await startRecordingServer(() => 'break');
  await gone[Symbol.asyncDispose]();
  await using home = await openCliHome(accountVariables(gone.url, admin));
  const result = await home.run(['list', '--retries', '0', '--json']);
  t.is(result.code, 6);
  t.is(result.stdout, '');
  t.like(JSON.parse(result.stderr), { exit_code: 6 });
});

test.serial('Ctrl-C ends the waiting and not the operation', async (t) => {
  await using server = await startRecordingServer(() => ({ body: operationJson() }));
  await using home = await openCliHome(accountVariables(server.url, admin));
  const watching = home.start(['operations', 'watch', someOperationId]);
  await once(watching.child.stderr!, 'data');
  watching.child.kill('SIGINT');
  const { code, stderr } = await watching.ended;
  t.is(code, 130);
  t.regex(stderr, /The operation goes on/);
  t.true(server.requests.every(({ method }) => method === 'GET'));
});

test.serial('a reader that stops early ends the command quietly', async (t) => {
  const item = { kind: 'x'.repeat(2000), created_at: '2026-01-01T00:00:00Z' };
  const items = Array.from({ length: 200 }, () => operationJson(item));
  await using server = await startRecordingServer(() => ({ body: { items, next_cursor: 'more' } }));
  await using home = await openCliHome(accountVariables(server.url, admin));
  const { stdout, stderr } = await promisify(execFile)(
    'bash',
    [
      '-c',
      '"$0" operations list --limit 100000 --json | head -1; echo "${PIPESTATUS[0]}"',
      launcher,
    ],
    { env: childEnvironment({ HOME: home.directory, ...accountVariables(server.url, admin) }) },
  );
  t.regex(stdout, /\n141\n$/);
  t.is(stderr, '');
});

/** Under a terminal of its own; what is typed comes after the text that is waited for. */
async function runOnTerminal(
  home: CliHome,
  args: readonly string[],
  typed: { readonly after: RegExp; readonly text: string } | null,
): Promise<{ readonly code: number | null; readonly screen: string }> {
  const command = [launcher, ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    cwd: home.directory,
    env: childEnvironment({ HOME: home.directory, TERM: 'xterm' }),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let screen = '';
  let isTyped = false;
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    screen += part;
    if (typed === null || isTyped || !typed.after.test(screen)) return;
    isTyped = true;
    child.stdin.write(typed.text);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, screen };
}

test.serial(
  'on a terminal the secret is asked for and not shown, and bars are drawn',
  async (t) => {
    await using home = await openCliHome();
    const typed = { after: /Client secret: /, text: `${admin.secret}x\u007f\r` };
    const login = await runOnTerminal(home, loginArgs(), typed);
    t.is(login.code, 0, login.screen);
    t.regex(login.screen, /Logged in at/);
    t.false(login.screen.includes(admin.secret.slice(0, 8)));

    await writeFile(join(home.directory, 'big.bin'), Buffer.alloc(2_000_000));
    const upload = await runOnTerminal(home, ['upload', 'big.bin'], null);
    t.is(upload.code, 0, upload.screen);
    t.regex(upload.screen, /█.*of 1\.9 MiB/);
    t.regex(upload.screen, /1 stored; 1\.9 MiB in/);
    const listed = await runOnTerminal(home, ['list', '--filename', 'big.bin'], null);
    t.regex(listed.screen, /FILE ID.*NAME/);
    const fileId = /[0-9a-f-]{36}/.exec(listed.screen)?.[0] ?? '';
    const no = { after: /\[y\/N\] /, text: 'n\r' };
    const kept = await runOnTerminal(home, ['delete', fileId], no);
    t.regex(kept.screen, /Nothing was deleted/);
    t.is(
      (
        await home.run(['--profile', 'default', 'show', fileId], {
          env: { XDG_CONFIG_HOME: '', XDG_CACHE_HOME: '' },
        })
      ).code,
      0,
    );
  },
);
