import test from 'ava';

import { detectForeignDialect, translateDialect } from '#domain/attributes/dialects.ts';
import type { JsonObject } from '#domain/json.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';

const found = {
  storagePath: '2025/01/10/15/',
  storageFilename: 'a_ivanov_20250110T153045_00000000-1111-2222-3333-444444444444.pdf',
};
const checksum = '49372d8c2101c0a80bc824317e63cac7cf5fd6144c6943fdd23893f1e7d6e770';
const fileId = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890';

const legacy: JsonObject = {
  file_id: fileId,
  original_filename: 'a.pdf',
  file_size: 15,
  mime_type: 'application/pdf',
  sha256: checksum,
  uploaded_at: '2025-01-10T15:30:45.25Z',
  uploaded_by: 'ivanov',
};
const readme: JsonObject = {
  schema_version: '1.0',
  file_id: fileId,
  original_filename: 'a.pdf',
  size_bytes: '15',
  mime_type: 'application/pdf',
  sha256_hash: checksum,
  uploaded_at: '2025-01-10T15:30:45Z',
  uploaded_by: 'ivanov',
};
const sectioned = {
  _meta: { schema_version: '2.0' },
  file: { filename: 'plan.docx', original_name: 'plan.docx', size: 15, mime_type: 'a/b', checksum },
  upload: { username: 'petrov', timestamp: '2025-01-12T10:00:00Z' },
} satisfies JsonObject;

const codec = openAttributesCodec();
const read = (document: JsonObject) =>
  codec.parseSidecar(new TextEncoder().encode(JSON.stringify(document)), found).attributes;

test('dialects are told by their keys, whatever version they claim', (t) => {
  t.is(detectForeignDialect(legacy), 'legacy-upload');
  t.is(detectForeignDialect({ ...legacy, schema_version: '2.0' }), 'legacy-upload');
  t.is(detectForeignDialect(readme), 'readme');
  t.is(detectForeignDialect(sectioned), 'sectioned');
  t.is(detectForeignDialect({ file: 'a', upload: {}, _meta: {} }), null);
  t.is(detectForeignDialect({}), null);
});

test('a document with created_by_id is ours, whatever unknown keys it has', (t) => {
  for (const document of [legacy, readme, sectioned]) {
    t.is(detectForeignDialect({ ...document, created_by_id: '' }), null);
  }
});

test('a version that we do not know is refused in a dialect too', (t) => {
  const unknown = { code: 'ATTRIBUTES_VERSION_UNSUPPORTED' };
  t.throws(() => read({ ...readme, schema_version: '3.0' }), unknown);
  t.throws(() => read({ ...legacy, schema_version: null }), unknown);
  t.throws(() => read({ ...sectioned, _meta: { schema_version: '9' } }), unknown);
});

test('translation does not change its input and twice is once', (t) => {
  const frozen = structuredClone(sectioned);
  const once = translateDialect(sectioned, 'sectioned', found);
  t.deepEqual(sectioned, frozen);
  t.is(detectForeignDialect(once), null);
});

test('only the dialect that never had an id takes it from a name: its own first', (t) => {
  const inName = `plan_${fileId.toUpperCase()}.docx`;
  t.is(read({ ...sectioned, file: { ...sectioned.file, filename: inName } }).file_id, fileId);
  t.is(read(sectioned).file_id, '00000000-1111-2222-3333-444444444444');
  const { file_id: _, ...withoutId } = legacy;
  t.throws(() => read(withoutId), { code: 'ATTRIBUTES_INVALID' });
});

test('what a dialect lacks is filled from where it was found, and nothing else is invented', (t) => {
  const attributes = read(legacy);
  t.is(attributes.storage_filename, found.storageFilename);
  t.is(attributes.storage_path, found.storagePath);
  t.is(String(attributes.updated_at), '2025-01-10T15:30:45.25+00:00');
  t.is(attributes.created_by_id, null);
  t.is(attributes['retention'], undefined, 'adopting an archive starts no clock');
  t.is(attributes['revision'], undefined);
  const { sha256_hash: _, ...withoutChecksum } = readme;
  t.throws(() => read({ ...withoutChecksum, sha256_hash: null }), { code: 'ATTRIBUTES_INVALID' });
});

test('an expiry date makes a file temporary; days count from its creation', (t) => {
  const until = (extra: JsonObject, document = legacy) =>
    read({ ...document, ...extra })['retention'];
  const temporary = (expires_at: string) => ({ policy: 'temporary', expires_at });
  t.deepEqual(
    until({ retention_expires_at: '2026-01-10 00:00:00', retention_days: 5 }),
    temporary('2026-01-10T00:00:00+00:00'),
  );
  t.deepEqual(until({ retention_days: 30 }), temporary('2025-02-09T15:30:45.25+00:00'));
  t.deepEqual(
    until({ expires_at: '2030-01-09T00:00:00Z' }, readme),
    temporary('2030-01-09T00:00:00+00:00'),
  );
});

test('a retention that cannot be read starts no clock and is kept', (t) => {
  for (const extra of [
    { retention_expires_at: 'never', retention_days: 5 },
    { retention_days: 0 },
    { retention_days: 1.5 },
    { retention_days: '30' },
    { retention_days: 1e9 },
  ] satisfies JsonObject[]) {
    const attributes = read({ ...legacy, ...extra });
    t.is(attributes['retention'], undefined);
    t.like(attributes, extra);
  }
  const late = { ...legacy, uploaded_at: '9999-12-31T00:00:00Z', retention_days: 30 };
  t.is(read(late)['retention'], undefined, 'there is no instant after the year 9999');
  const days = read({ ...sectioned, storage: { retention_days: -1, class: 'x' } });
  t.is(days['retention'], undefined);
  t.deepEqual(days['storage'], { retention_days: -1, class: 'x' });
});

test('other keys of a dialect stay, also where the name is taken', (t) => {
  const attributes = read({ ...legacy, md5: 'x', content_type: 'text/plain' });
  t.is(attributes['md5'], 'x');
  t.is(attributes.content_type, 'text/plain');
  t.is(attributes['mime_type'], 'application/pdf');
  const kept = read({
    ...sectioned,
    file: { ...sectioned.file, md5: 'x' },
    custom: 'text',
    note: 1,
  });
  t.deepEqual(kept['file'], { md5: 'x' });
  t.is(kept['custom'], 'text');
  t.is(kept['note'], 1);
});

test('a version that is an integer becomes text with all its digits', (t) => {
  t.is(read({ ...legacy, version: 7 }).version, '7');
  const big = JSON.stringify({ ...readme, version: 0 }).replace(
    '"version":0',
    '"version":12345678901234567890',
  );
  const { attributes } = codec.parseSidecar(new TextEncoder().encode(big), found);
  t.is(attributes.version, '12345678901234567890');
  t.throws(() => read({ ...legacy, version: 1.5 }), { code: 'ATTRIBUTES_INVALID' });
});

test('prefixed digests are read in every dialect', (t) => {
  t.is(read({ ...legacy, sha256: `sha256:${checksum.toUpperCase()}` }).checksum, checksum);
  const file = { ...sectioned.file, checksum: `sha256:${checksum}` };
  t.is(read({ ...sectioned, file }).checksum, checksum);
});
