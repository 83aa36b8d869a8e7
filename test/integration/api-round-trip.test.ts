import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';

let api: TestApi;
test.before(async () => {
  api = await startTestApi();
});
test.after.always(() => api[Symbol.asyncDispose]());

const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');
const reprDigest = (data: Uint8Array) =>
  `sha-256=:${createHash('sha256').update(data).digest('base64')}:`;

interface FileJson {
  readonly file_id: string;
  readonly original_filename: string;
  readonly storage: { readonly element_id: string; readonly path: string };
  readonly [key: string]: unknown;
}

test('a form is stored with all its fields, shown, listed and read back unchanged', async (t) => {
  const content = Buffer.from('%PDF-1.7 содержание');
  const form = new FormData();
  form.set('description', 'Поставка, 2026');
  form.set('version', '1.2');
  form.append('tags', 'договор');
  form.append('tags', 'поставка');
  form.set('file', new File([content], 'Договор поставки №127.pdf', { type: 'application/pdf' }));
  form.set('metadata', '{"number":12345678901234567890}');
  form.set('custom_attributes', '{"контрагент":"ООО Ромашка"}');
  form.set('ttl_days', '10');

  const created = await api.fetch('/api/v1/files', { method: 'POST', body: form });
  const text = await created.text();
  t.is(created.status, 201, text);
  t.true(text.includes('{"number":12345678901234567890}'));
  const file = JSON.parse(text) as FileJson;
  t.like(file, {
    original_filename: 'Договор поставки №127.pdf',
    file_size: content.length,
    content_type: 'application/pdf',
    checksum: { algorithm: 'sha-256', value: sha256(content) },
    description: 'Поставка, 2026',
    version: '1.2',
    tags: ['договор', 'поставка'],
    custom_attributes: { контрагент: 'ООО Ромашка' },
    schema_version: '2.0',
    revision: 1,
    state: 'stored',
  });
  t.is(created.headers.get('location'), `/api/v1/files/${file.file_id}`);
  t.is(created.headers.get('repr-digest'), reprDigest(content));

  const shown = await api.fetch(`/api/v1/files/${file.file_id}`);
  t.is(shown.status, 200);
  t.is(await shown.text(), text);
  t.is(shown.headers.get('etag'), created.headers.get('etag'));

  const sidecar = await readFile(
    join(api.rootOf(file.storage.element_id), `${file.storage.path}.attr.json`),
  );
  t.is(created.headers.get('etag'), `"${sha256(sidecar)}"`);

  const downloaded = await api.fetch(`/api/v1/files/${file.file_id}/content`);
  t.is(downloaded.status, 200);
  t.deepEqual(Buffer.from(await downloaded.arrayBuffer()), content);

  const listed = await api.fetch('/api/v1/files?tag=%D0%B4%D0%BE%D0%B3%D0%BE%D0%B2%D0%BE%D1%80');
  const page = (await listed.json()) as { items: FileJson[]; next_cursor: string | null };
  t.deepEqual(
    page.items.map((item) => item.file_id),
    [file.file_id],
  );
  t.is(page.next_cursor, null);
});

test('a raw body is stored, its name from Content-Disposition', async (t) => {
  const content = Buffer.from([0, 1, 2, 255]);
  const created = await api.fetch('/api/v1/files?description=raw&tags=a&tags=b', {
    method: 'POST',
    headers: {
      'Content-Type': 'application/x-thing',
      'Content-Disposition':
        "attachment; filename=x; filename*=UTF-8''%D0%BE%D1%82%D1%87%D0%B5%D1%82.bin",
      'Repr-Digest': reprDigest(content),
    },
    body: content,
  });
  const file = (await created.json()) as FileJson;
  t.is(created.status, 201, JSON.stringify(file));
  t.like(file, {
    original_filename: 'отчет.bin',
    content_type: 'application/x-thing',
    description: 'raw',
    tags: ['a', 'b'],
  });
});
