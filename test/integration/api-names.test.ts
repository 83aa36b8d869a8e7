import { parse } from 'content-disposition';
import test, { type ExecutionContext } from 'ava';
import { openRaw } from '#test/support/raw-http.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';

let api: TestApi;
test.before(async () => {
  api = await startTestApi();
});
test.after.always(() => api[Symbol.asyncDispose]());

const names = [
  'отчет.pdf',
  'отчет 2024.pdf',
  'Договор поставки №127.pdf',
  'ファイル.pdf',
  'مستند.pdf',
  '📄document.pdf',
  'file (1).pdf',
  'file [copy].pdf',
  'file+new.pdf',
  'a"b.pdf',
  'a;b=c.pdf',
  '100%.pdf',
  `${'Ы'.repeat(70)} ${'щ'.repeat(69)}.pdf`,
  'x'.repeat(500),
  `${'ж'.repeat(496)}.pdf`,
  "it's.pdf",
  'a%20b.pdf',
  'tab\tname.pdf',
];

async function requireName(t: ExecutionContext, response: Response, name: string) {
  const text = await response.text();
  t.is(response.status, 201, text);
  const file = JSON.parse(text) as {
    file_id: string;
    original_filename: string;
    storage: { path: string };
  };
  t.is(file.original_filename, name);
  t.true(Buffer.byteLength(file.storage.path.split('/').at(-1) ?? '') <= 255);
  const sidecar = await api.fetch(`/api/v1/files/${file.file_id}/attributes`);
  t.is(((await sidecar.json()) as { original_filename: string }).original_filename, name);
  const content = await api.fetch(`/api/v1/files/${file.file_id}/content`);
  const header = content.headers.get('content-disposition') ?? '';
  t.regex(header, /^[\x20-\x7e]+$/);
  // oxlint-disable-next-line no-control-regex
  t.is(parse(header).parameters['filename'], name.replaceAll(/[\x00-\x1f]/g, '_'));
  await content.arrayBuffer();
  const listed = await api.fetch(`/api/v1/files?filename=${encodeURIComponent(name)}`);
  const { items } = (await listed.json()) as { items: { file_id: string }[] };
  t.true(items.some((item) => item.file_id === file.file_id));
}

for (const name of names) {
  const title = name.length > 60 ? `${name.slice(0, 20)}… (${name.length})` : name;

  test(`carried unharmed in a form: ${title}`, async (t) => {
    const form = new FormData();
    form.set('file', new File(['x'], name));
    await requireName(t, await api.fetch('/api/v1/files', { method: 'POST', body: form }), name);
  });

  test(`carried unharmed in the query: ${title}`, async (t) => {
    const query = `filename=${encodeURIComponent(name)}`;
    const response = await api.fetch(`/api/v1/files?${query}`, { method: 'POST', body: 'x' });
    await requireName(t, response, name);
  });

  test(`carried unharmed in filename*: ${title}`, async (t) => {
    const extended = encodeURIComponent(name).replaceAll(
      /['()*]/g,
      (char) => `%${char.codePointAt(0)?.toString(16)}`,
    );
    const response = await api.fetch('/api/v1/files', {
      method: 'POST',
      headers: {
        'Content-Disposition': `attachment; filename="old.pdf"; filename*=UTF-8''${extended}`,
      },
      body: 'x',
    });
    await requireName(t, response, name);
  });
}

/** A form whose file part has exactly this disposition. */
async function postPart(disposition: string) {
  const { token } = await api.createClient('USER');
  using connection = await openRaw(api.port);
  const body = `--b\r\nContent-Disposition: form-data; name="file"; ${disposition}\r\n\r\nx\r\n--b--\r\n`;
  await connection.send(
    `POST /api/v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
      `Content-Type: multipart/form-data; boundary=b\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  const answer = await connection.answer();
  return JSON.parse(answer.body) as { original_filename: string; storage: { path: string } };
}

for (const [disposition, name] of [
  ['filename="a\\"b.pdf"', 'a"b.pdf'],
  ['filename="a%22b.pdf"', 'a"b.pdf'],
  ['filename=plain.pdf', 'plain.pdf'],
  ['filename="old.pdf"; filename*=UTF-8\'\'%D0%BE%D1%82.pdf', 'от.pdf'],
  ["filename*=UTF-8''a%2522.pdf", 'a%22.pdf'],
  ['filename="../../etc/passwd"', 'passwd'],
  ['filename="C:\\\\Users\\\\x\\\\file.txt"', 'file.txt'],
  ['filename="C:\\Users\\x\\file.txt"', 'file.txt'],
  ['filename="отчет.pdf"', 'отчет.pdf'],
] as const) {
  test(`how clients write a name into a part: ${disposition}`, async (t) => {
    const file = await postPart(disposition);
    t.is(file.original_filename, name);
    t.regex(file.storage.path, /^\d{4}\/\d{2}\/\d{2}\/\d{2}\/[^/]+$/);
  });
}

test('a raw UTF-8 name in Content-Disposition is taken as UTF-8', async (t) => {
  const { token } = await api.createClient('USER');
  using connection = await openRaw(api.port);
  await connection.send(
    `POST /api/v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
      `Content-Disposition: attachment; filename="отчет.pdf"\r\nContent-Length: 1\r\n\r\nx`,
  );
  const answer = await connection.answer();
  t.is((JSON.parse(answer.body) as { original_filename: string }).original_filename, 'отчет.pdf');
});
