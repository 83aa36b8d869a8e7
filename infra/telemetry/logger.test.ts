import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { Writable } from 'node:stream';
import test from 'ava';
import { createLogger } from '#infra/telemetry/logger.ts';
import { redactedKeys } from '#infra/telemetry/redact-secrets.ts';

function openLog() {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  return { lines, logger: createLogger({ name: 'test', level: 'trace', destination }) };
}

for (const key of redactedKeys) {
  test(`the value of ${key} never reaches the log, wherever it stands`, (t) => {
    const { lines, logger } = openLog();
    const camel = key.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
    const header = key.replaceAll('_', '-').toUpperCase();
    for (const written of [key, camel, header]) {
      logger.info({ [written]: 'hunter2' }, 'top');
      logger.info({ a: { b: [{ c: { [written]: 'hunter2' } }] } }, 'deep');
      logger.info({ err: Object.assign(new Error('x'), { [written]: 'hunter2' }) }, 'on an error');
      logger.info(
        { err: Object.assign(new Error('x'), { config: { [written]: 'hunter2' } }) },
        'in it',
      );
      logger.child({ [written]: 'hunter2' }).info('in a child');
    }
    t.is(lines.length, 15);
    for (const line of lines) t.notRegex(line, /hunter2/);
  });
}

test('entries are JSON lines with instant, level, name and message', (t) => {
  const { lines, logger } = openLog();
  logger.warn({ request_id: 'r-1' }, 'something');
  const entry = JSON.parse(lines[0]!) as Record<string, unknown>;
  t.like(entry, { level: 'warn', name: 'test', msg: 'something', request_id: 'r-1' });
  t.regex(String(entry['time']), /^\d{4}-\d{2}-\d{2}T.*Z$/);
});

test('errors keep their stack and cause', (t) => {
  const { lines, logger } = openLog();
  logger.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'failed');
  t.regex(lines[0]!, /inner/);
});

test('a process whose log cannot be written goes on and ends', async (t) => {
  await using full = await open('/dev/full', 'w');
  const script = `
    const { createLogger } = await import(${JSON.stringify(import.meta.resolve('#infra/telemetry/logger.ts'))});
    const logger = createLogger({ name: 'test', level: 'trace' });
    for (let line = 0; line < 100; line += 1) logger.info('lost');
    process.exitCode = 7;`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', full.fd, 'inherit'],
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  t.is(code, 7);
});
