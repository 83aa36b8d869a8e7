import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { canonicalizeJson } from '#domain/attributes/canonical-json.ts';
import { parseStrictJson } from '#domain/strict-json.ts';
import { readElement } from '#test/support/independent-reader.ts';

const hour = '2025/11/08/10';

function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function makeElement(t: ExecutionContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'artstore-reader-'));
  t.teardown(() => rm(root, { recursive: true }));
  await mkdir(join(root, hour), { recursive: true });
  await mkdir(join(root, '.artstore', 'staging'), { recursive: true });
  return root;
}

function describe(name: string, content: string): Record<string, unknown> {
  return {
    file_id: `id of ${name}`,
    storage_filename: name,
    file_size: Buffer.byteLength(content),
    checksum: sha256Hex(content),
  };
}

async function writePair(
  root: string,
  content: string,
  sidecar: Record<string, unknown> | string,
): Promise<void> {
  const text = typeof sidecar === 'string' ? sidecar : JSON.stringify(sidecar);
  const name = /"storage_filename":"([^"]+)"/.exec(text)?.[1] ?? 'unreadable';
  await writeFile(join(root, hour, name), content);
  await writeFile(join(root, hour, `${name}.attr.json`), text);
}

test('each kind of damage is told from what is whole', async (t) => {
  const root = await makeElement(t);
  await writePair(root, 'good', describe('good', 'good'));
  await writePair(root, 'longer', describe('size', 'long'));
  await writePair(root, 'evil', describe('checksum', 'good'));
  await writePair(root, 'x', `{"storage_filename":"json",`);
  await writePair(root, 'x', {
    ...describe('integrity', 'x'),
    integrity: { algorithm: 'sha-256', digest: sha256Hex('something else') },
  });
  await writeFile(join(root, hour, 'alone'), 'content');
  await writeFile(join(root, hour, 'lost.attr.json'), '{}');
  await writeFile(join(root, hour, 'half.tmp'), '');
  await writeFile(join(root, '.artstore', 'staging', 'waiting'), '');
  await symlink('good', join(root, hour, 'link'));

  const report = await readElement(root);
  t.deepEqual(
    report.whole.map(({ path }) => path),
    [`${hour}/good`],
  );
  t.deepEqual(report.damaged.map(({ path }) => path.slice(hour.length + 1)).toSorted(), [
    'checksum',
    'integrity',
    'json.attr.json',
    'link',
    'size',
  ]);
  t.deepEqual(report.content_without_sidecar, [`${hour}/alone`]);
  t.deepEqual(report.sidecar_without_content, [`${hour}/lost.attr.json`]);
  t.deepEqual(report.temporary, [`${hour}/half.tmp`]);
  t.deepEqual(report.staging, ['waiting']);
});

test('the digest of a sidecar is the one that the product computes, by other code', async (t) => {
  const root = await makeElement(t);
  const members = [
    JSON.stringify(describe('good', 'good')).slice(1, -1),
    '"€":1, "\\ud83d\\ude00":2, "ﬁ":3, "a":"\\u0000\\u001f\\"\\\\/é\\u2028"',
    '"big":12345678901234567890, "small":1e-7, "many":0.1000000000000000000001',
    '"round":1.50, "exponent":1E+2, "huge":1e400, "zero":-0.0, "exact":9007199254740993',
    '"nested":{"z":[1,2.0,{"y":null,"x":true}],"__proto__":1}',
  ].join(',');
  const canonical = canonicalizeJson(parseStrictJson(`{${members}}`));
  const digest = sha256Hex(canonical);
  await writePair(
    root,
    'good',
    `{"integrity":{"algorithm":"sha-256","digest":"${digest}"},${members}}`,
  );
  const report = await readElement(root);
  t.deepEqual(report.damaged, []);
  t.is(report.whole.length, 1);
});

test('as a command it prints its report', async (t) => {
  const root = await makeElement(t);
  await writePair(root, 'good', describe('good', 'good'));
  const program = join(import.meta.dirname, '..', 'support', 'independent-reader.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [program, root]);
  t.deepEqual(JSON.parse(stdout), JSON.parse(JSON.stringify(await readElement(root))));
});
