import test from 'ava';

import { extensionsOf } from '#domain/attributes/extensions.ts';
import { createAttributes, type NewFile } from '#domain/attributes/new-attributes.ts';
import type { FileId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import { limits } from '#domain/limits.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';

const createdAt = '2026-01-13T08:17:28.123456+00:00' as Instant;
const file: NewFile = {
  fileId: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' as FileId,
  originalFilename: 'Договор поставки №127.pdf',
  storagePath: '2026/01/13/08/',
  storageFilename:
    'Договор поставки №127_u_20260113T081728_a1b2c3d4-e5f6-7890-abcd-ef1234567890.pdf',
  contentType: 'application/pdf',
  sizeBytes: 15,
  checksum: '49372d8c2101c0a80bc824317e63cac7cf5fd6144c6943fdd23893f1e7d6e770',
  createdAt,
  createdBy: { id: '57bd79da-1446-446a-b7b5-9c2bf5bbcec9', username: 'u', fullname: null },
  fields: {
    description: null,
    version: '2',
    tags: ['a'],
    metadata: {},
    customAttributes: { b: 1 },
  },
  retention: { policy: 'temporary', ttlDays: 30 },
};

test('a new file is v2.0 with revision, retention and, once written, integrity', (t) => {
  const codec = openAttributesCodec();
  const attributes = createAttributes(file);
  t.is(attributes.schema_version, '2.0');
  t.is(attributes.updated_at, createdAt);
  t.like(extensionsOf(attributes), { tags: ['a'], revision: 1, isRetentionReadable: true });
  const { text } = codec.encodeSidecar(attributes, { reserveBytes: limits.sidecarReserveBytes });
  const parsed = codec.parseSidecar(new TextEncoder().encode(text), file);
  t.is(parsed.integrity, 'valid');
  t.deepEqual(parsed.attributes, attributes);
});

test('a temporary file expires after its days, with all digits of its instant', (t) => {
  t.deepEqual(extensionsOf(createAttributes(file)).retention, {
    policy: 'temporary',
    expires_at: '2026-02-12T08:17:28.123456+00:00' as Instant,
  });
});

test('a permanent file has no end, and retain_until when it was asked for', (t) => {
  const retain = (retainUntil: Instant | null) =>
    extensionsOf(createAttributes({ ...file, retention: { policy: 'permanent', retainUntil } }))
      .retention;
  t.deepEqual(retain(null), { policy: 'permanent' });
  t.deepEqual(retain('2030-01-01T00:00:00+00:00' as Instant), {
    policy: 'permanent',
    retain_until: '2030-01-01T00:00:00+00:00' as Instant,
  });
});
