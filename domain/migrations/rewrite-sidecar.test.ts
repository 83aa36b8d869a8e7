import test from 'ava';
import { isDomainError } from '#domain/errors.ts';
import {
  migrateSidecar,
  revertSidecar,
  type FileToRewrite,
  type MigrationRules,
} from '#domain/migrations/rewrite-sidecar.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';

const codec = openAttributesCodec();
const location = {
  storagePath: '2024/03/05/10/',
  storageFilename: 'a_ivanov_20240305T100000_a1b2c3d4-e5f6-7890-abcd-ef1234567890.txt',
};
const plain: MigrationRules = { mapping: {}, mappingPolicy: 'refuse', template: null };

function bytesOf(members: object = {}): Uint8Array {
  const document = {
    file_id: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890',
    original_filename: 'a.txt',
    storage_filename: location.storageFilename,
    file_size: 3,
    content_type: 'text/plain',
    created_at: '2024-03-05T10:00:00.123456789+00:00',
    updated_at: '2024-03-06T10:00:00+00:00',
    created_by_id: 'x',
    created_by_username: 'ivanov',
    storage_path: location.storagePath,
    checksum: 'a'.repeat(64),
    metadata: { kept: [1, null] },
    ...members,
  };
  return Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
}

function fileOf(bytes: Uint8Array, kept: FileToRewrite['kept'] = null): FileToRewrite {
  return { ...location, sidecarDigest: codec.parseSidecar(bytes, location).digest, kept };
}

const migrate = (bytes: Uint8Array, rules = plain, file = fileOf(bytes)) =>
  migrateSidecar(codec, rules, { file, bytes });

test('v1.0 gets a version, a revision, a retention and a digest; instants and unknown keys stay', async (t) => {
  const bytes = bytesOf({ unknown: 1 });
  const { text, digest, schemaVersion, dialect, attributesText } = await migrate(bytes);
  const { integrity, ...document } = JSON.parse(text) as Record<string, unknown>;
  t.like(document, {
    schema_version: '2.0',
    created_at: '2024-03-05T10:00:00.123456789+00:00',
    updated_at: '2024-03-06T10:00:00+00:00',
    metadata: { kept: [1, null] },
    custom_attributes: {},
    retention: { policy: 'permanent' },
    revision: 2,
    unknown: 1,
  });
  t.truthy(integrity);
  const parsed = codec.parseSidecar(Buffer.from(text), location);
  t.is(parsed.digest, digest);
  t.is(parsed.integrity, 'valid');
  t.is(parsed.sourceVersion, schemaVersion);
  t.is(dialect, 'v1.0');
  t.is(attributesText, text);
  t.deepEqual(await migrate(bytes), await migrate(bytes), 'the same bytes, whoever repeats it');
});

test('digits stay, a retention that is there stays, a revision grows', async (t) => {
  const retention = { policy: 'temporary', expires_at: '2030-01-01T00:00:00+00:00' };
  const source = Buffer.from(bytesOf({ retention, revision: 4, huge: 'HUGE' }))
    .toString()
    .replace('"HUGE"', '12345678901234567890');
  const { text } = await migrate(Buffer.from(source));
  t.regex(text, /"huge":12345678901234567890/);
  t.like(JSON.parse(text), { retention, revision: 5 });
});

test('a key that somebody else uses is left to them', async (t) => {
  const template = { id: 'contract@1', check: () => Promise.resolve([]) };
  const { text } = await migrate(bytesOf({ revision: 'B', template: 'x', retention: 'always' }), {
    ...plain,
    template,
  });
  t.like(JSON.parse(text), { revision: 'B', template: 'x', retention: 'always' });
});

test('what an earlier attempt has written is recognised, and stays to the byte', async (t) => {
  const original = bytesOf();
  const first = await migrate(original);
  const { sidecarDigest: originalDigest } = fileOf(original);
  const kept = { original, originalDigest, migratedDigest: first.digest };
  const again = await migrate(Buffer.from(first.text), plain, {
    ...location,
    sidecarDigest: originalDigest,
    kept,
  });
  t.deepEqual(again, first);
});

test('what was changed from outside is refused', async (t) => {
  const file = fileOf(bytesOf());
  const error = await t.throwsAsync(migrate(bytesOf({ description: 'x' }), plain, file));
  t.true(isDomainError(error, 'SIDECAR_CHANGED'));
  // Also when something is kept of it: the digest must be the very one that was written.
  const kept = { original: bytesOf(), originalDigest: file.sidecarDigest, migratedDigest: '00' };
  const other = migrate(bytesOf({ description: 'x' }), plain, { ...file, kept });
  t.true(isDomainError(await t.throwsAsync(other), 'SIDECAR_CHANGED'));
});

test('damage, and what does not fit, is refused with its code', async (t) => {
  const wrong = { integrity: { algorithm: 'sha-256', digest: '00' } };
  const template = {
    id: 'contract@1',
    check: () => Promise.resolve([{ pointer: '/custom_attributes/a', message: 'is required' }]),
  };
  const cases = [
    [bytesOf(wrong), plain, 'INTEGRITY_MISMATCH'],
    [bytesOf({ note: 'я'.repeat(1900) }), plain, 'ATTRIBUTES_TOO_LARGE'],
    [bytesOf(), { ...plain, template }, 'ATTRIBUTES_TEMPLATE_VIOLATED'],
    [
      bytesOf({ custom_attributes: { kept: 1 } }),
      { ...plain, mapping: { kept: 'kept' } },
      'ATTRIBUTES_MAPPING_CONFLICT',
    ],
  ] as const;
  for (const [bytes, rules, code] of cases) {
    t.true(isDomainError(await t.throwsAsync(migrate(bytes, rules)), code), code);
  }
});

test('a revert has the bytes of the original, and is recognised when it was done', async (t) => {
  const original = bytesOf({ created_at: '2024-03-05 10:00:00' });
  const { text, digest: migratedDigest } = await migrate(original);
  const { sidecarDigest: originalDigest } = fileOf(original);
  const kept = { original, originalDigest, migratedDigest };
  const file = { ...location, sidecarDigest: migratedDigest, kept };
  for (const bytes of [Buffer.from(text), original]) {
    const reverted = revertSidecar(codec, { file, bytes });
    t.true(Buffer.from(reverted.text).equals(original));
    t.is(reverted.digest, originalDigest);
    t.is(reverted.schemaVersion, '1.0');
  }
  const error = t.throws(() => revertSidecar(codec, { file, bytes: bytesOf() }));
  t.true(isDomainError(error, 'SIDECAR_CHANGED'));
});
