import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

import test from 'ava';
import * as fc from 'fast-check';

import type { Attributes } from '#domain/attributes/attributes-types.ts';
import { extensionsOf } from '#domain/attributes/extensions.ts';
import { isDomainError, type ErrorCode } from '#domain/errors.ts';
import type { JsonObject } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';
import { arbitraryAttributes, arbitraryObject } from '#test/support/arbitrary-attributes.ts';

const codec = openAttributesCodec();
const found = { storagePath: '2099/12/31/23/', storageFilename: 'found-here.bin' };
const folder = new URL('.', import.meta.resolve('#test/fixtures/sidecars/v1.attr.json'));
const readSample = (name: string) => readFileSync(new URL(`${name}.attr.json`, folder));
const bytesOf = (value: unknown) =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

/** The normal form of the plain v1 sample; the others say in what they differ. */
const v1 = {
  schema_version: '2.0',
  file_id: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890',
  original_filename: 'Отчет за 2024 год.pdf',
  storage_filename:
    'Отчет за 2024 год_ingester-service_20260113T081728_a1b2c3d4-e5f6-7890-abcd-ef1234567890.pdf',
  file_size: 15,
  content_type: 'application/pdf',
  created_at: '2026-01-13T08:17:28.123456+00:00',
  updated_at: '2026-01-13T08:17:28.123456+00:00',
  created_by_id: '57bd79da-1446-446a-b7b5-9c2bf5bbcec9',
  created_by_username: 'ingester-service',
  created_by_fullname: null,
  description: null,
  version: null,
  storage_path: '2026/01/13/08/',
  checksum: '49372d8c2101c0a80bc824317e63cac7cf5fd6144c6943fdd23893f1e7d6e770',
  metadata: {},
  custom_attributes: {},
};
const v2 = {
  ...v1,
  original_filename: 'Договор поставки №127.pdf',
  description: 'Поставка оборудования, 2025',
  version: '1.0',
  metadata: { legacy_key: 'legacy_value' },
  custom_attributes: {
    department: 'Engineering',
    project_code: 'PROJ-456',
    classification: 'confidential',
    pages: 12,
    signed: true,
    parties: ['ООО «Ромашка»', 'Acme Ltd'],
    nested: { a: { b: 1 } },
  },
};
const fromOldArchive = {
  ...v1,
  created_by_id: null,
  created_by_username: 'ivanov',
  created_at: '2025-01-10T15:30:45+00:00',
  updated_at: '2025-01-10T15:30:45+00:00',
  version: '1',
};

const readable: Record<string, [dialect: string, version: string, attributes: JsonObject]> = {
  v1: ['v1.0', '1.0', v1],
  'v1-minimal': ['v1.0', '1.0', v1],
  'v1-null-metadata': ['v1.0', '1.0', v1],
  'v1-size-as-text': ['v1.0', '1.0', v1],
  'v1-space-in-time': ['v1.0', '1.0', v1],
  'v1-uppercase-checksum': ['v1.0', '1.0', v1],
  'v1-empty-file': [
    'v1.0',
    '1.0',
    {
      ...v1,
      file_size: 0,
      checksum: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    },
  ],
  'v1-unknown-keys': [
    'v1.0',
    '1.0',
    { ...v1, department: 'Бухгалтерия', x_source: { system: 'erp', id: 17 } },
  ],
  'v1-with-custom-attributes': [
    'v1.0',
    '1.0',
    { ...v1, custom_attributes: { department: 'Engineering' } },
  ],
  v2: ['v2.0', '2.0', v2],
  'v2-null-custom-attributes': ['v2.0', '2.0', { ...v2, custom_attributes: {} }],
  'v2-unknown-keys': ['v2.0', '2.0', { ...v2, future_key: [1, 2, 3] }],
  'prefixed-checksum': ['prefixed-checksum', '1.0', v1],
  'legacy-upload': [
    'legacy-upload',
    '1.0',
    {
      ...fromOldArchive,
      original_filename: 'акт.pdf',
      storage_filename: 'акт_ivanov_20250110T153045_a1b2c3d4-e5f6-7890-abcd-ef1234567890.pdf',
      created_by_fullname: 'Иван Иванов',
      storage_path: '2025/01/10/15/',
      tags: ['акт', '2025'],
      retention: { policy: 'temporary', expires_at: '2026-01-10T15:30:45+00:00' },
    },
  ],
  'readme-dialect': [
    'readme',
    '1.0',
    {
      ...fromOldArchive,
      original_filename: 'contract.pdf',
      storage_filename: found.storageFilename,
      storage_path: found.storagePath,
      tags: ['contract'],
      retention: { policy: 'temporary', expires_at: '2030-01-09T15:30:45+00:00' },
      md5_hash: '5476aa7c8346ecf95abedf119e971008',
      retention_days: 1825,
      template: 'contract',
      contract_number: '127/25',
      parties: ['A', 'B'],
    },
  ],
  sectioned: [
    'sectioned',
    '1.0',
    {
      ...fromOldArchive,
      original_filename: 'plan.docx',
      storage_filename: 'plan_petrov_20250112T100000_a1b2c3d4-e5f6-7890-abcd-ef1234567890.docx',
      content_type: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
      created_at: '2025-01-12T10:00:00+00:00',
      updated_at: '2025-01-12T10:00:00+00:00',
      created_by_username: 'petrov',
      version: null,
      storage_path: found.storagePath,
      custom_attributes: { project_id: 'PRJ-042', department: 'R&D', tags: ['plan'] },
      retention: { policy: 'temporary', expires_at: '2030-01-11T10:00:00+00:00' },
      _meta: {
        schema_version: '2.0',
        created_at: '2025-01-12T10:00:00Z',
        storage_element_id: 'se-01',
      },
      upload: { client_ip: '192.0.2.7' },
      storage: { storage_class: 'standard' },
    },
  ],
};

const refused: Record<string, ErrorCode> = {
  'bad-array': 'ATTRIBUTES_INVALID',
  'bad-bom': 'ATTRIBUTES_MALFORMED',
  'bad-checksum-short': 'ATTRIBUTES_INVALID',
  'bad-deep': 'ATTRIBUTES_MALFORMED',
  'bad-duplicate-key': 'ATTRIBUTES_MALFORMED',
  'bad-empty': 'ATTRIBUTES_MALFORMED',
  'bad-missing-file-id': 'ATTRIBUTES_INVALID',
  'bad-nan': 'ATTRIBUTES_MALFORMED',
  'bad-negative-size': 'ATTRIBUTES_INVALID',
  'bad-not-utf8': 'ATTRIBUTES_MALFORMED',
  'bad-truncated': 'ATTRIBUTES_MALFORMED',
  'bad-version-future': 'ATTRIBUTES_VERSION_UNSUPPORTED',
  'bad-version-null': 'ATTRIBUTES_VERSION_UNSUPPORTED',
};

test('every sample is decided', (t) => {
  const samples = readdirSync(folder).map((name) => name.replace('.attr.json', ''));
  const decided = [...Object.keys(readable), ...Object.keys(refused), 'over-limit'];
  t.deepEqual(samples.sort(), decided.sort());
});

for (const [name, [dialect, sourceVersion, attributes]] of Object.entries(readable)) {
  test(`sample ${name} is read, written as v2.0 and read again`, (t) => {
    const bytes = readSample(name);
    const parsed = codec.parseSidecar(bytes, found);
    t.deepEqual(parsed, {
      attributes: attributes as Attributes,
      sourceVersion,
      dialect: dialect as 'v2.0',
      sizeBytes: bytes.length,
      digest: createHash('sha256').update(bytes).digest('hex'),
      integrity: 'absent',
    });
    const written = codec.encodeSidecar(parsed.attributes);
    const again = codec.parseSidecar(bytesOf(written.text), {
      storagePath: '',
      storageFilename: '',
    });
    t.is(JSON.stringify(again.attributes), JSON.stringify(parsed.attributes));
    t.is(again.integrity, 'valid');
    t.is(again.dialect, 'v2.0', 'once written it is no dialect any more');
    t.is(JSON.stringify(codec.parseAttributes(written.text)), JSON.stringify(parsed.attributes));
  });
}

for (const [name, code] of Object.entries(refused)) {
  test(`sample ${name} is refused: ${code}`, (t) => {
    t.throws(() => codec.parseSidecar(readSample(name), found), { code });
  });
}

test('sample over-limit is read but cannot be written', (t) => {
  const parsed = codec.parseSidecar(readSample('over-limit'), found);
  t.is(parsed.sizeBytes, 5213);
  const error = t.throws(() => codec.encodeSidecar(parsed.attributes));
  t.true(isDomainError(error, 'ATTRIBUTES_TOO_LARGE'));
  t.like(error, { details: { limitBytes: limits.sidecarSizeBytes } });
});

test('for the catalogue the same text is written, and one of any size', (t) => {
  const small = codec.parseSidecar(readSample('v2-unknown-keys'), found).attributes;
  t.is(codec.encodeForCatalogue(small), codec.encodeSidecar(small).text);
  const { attributes, sizeBytes } = codec.parseSidecar(readSample('over-limit'), found);
  t.true(sizeBytes > limits.sidecarSizeBytes);
  t.deepEqual(codec.parseAttributes(codec.encodeForCatalogue(attributes)), attributes);
});

test('a sidecar above the cap of reading is refused unread', (t) => {
  const bytes = new Uint8Array(limits.sidecarReadCapBytes + 1);
  t.throws(() => codec.parseSidecar(bytes, found), { code: 'ATTRIBUTES_TOO_LARGE' });
});

test('all faults are told at once, each with its pointer', (t) => {
  const document = {
    ...v2,
    file_id: 7,
    created_at: '2025-02-30T00:00:00Z',
    checksum: 'x',
    metadata: [],
  };
  const { file_size: _, ...incomplete } = document;
  const error = t.throws(() => codec.parseSidecar(bytesOf(incomplete), found));
  t.true(isDomainError(error, 'ATTRIBUTES_INVALID'));
  const faults = isDomainError(error) ? (error.details.faults ?? []) : [];
  t.deepEqual(faults.map((fault) => fault.pointer).sort(), [
    '/checksum',
    '/created_at',
    '/file_id',
    '/file_size',
    '/metadata',
  ]);
});

test('a number with digits beyond JavaScript is no object', (t) => {
  const text = JSON.stringify(v2).replace(
    /"metadata":\{[^}]*\}/,
    '"metadata":12345678901234567890',
  );
  t.throws(() => codec.parseSidecar(bytesOf(text), found), { code: 'ATTRIBUTES_INVALID' });
});

const spellings: [title: string, given: JsonObject, normal: JsonObject][] = [
  [
    'offset becomes UTC',
    { created_at: '2026-01-13T15:17:28.1+07:00' },
    { created_at: '2026-01-13T08:17:28.1+00:00' },
  ],
  [
    'value without zone is UTC',
    { updated_at: '2026-01-13T08:17:28' },
    { updated_at: '2026-01-13T08:17:28+00:00' },
  ],
  [
    'nine digits of a second stay',
    { created_at: '2026-01-13T08:17:28.123456789Z' },
    { created_at: '2026-01-13T08:17:28.123456789+00:00' },
  ],
  ['upper-case id', { file_id: v1.file_id.toUpperCase() }, {}],
  ['path without slash', { storage_path: '2026/01/13/08' }, {}],
  ['full path of the content', { storage_path: `/data/2026/01/13/08/${v1.storage_filename}` }, {}],
  ['Windows path', { storage_path: 'D:\\data\\2026\\01\\13\\08\\' }, {}],
  ['path of another shape', { storage_path: 'docs/old' }, { storage_path: 'docs/old/' }],
  ['empty subject is none', { created_by_id: '' }, { created_by_id: null }],
  ['empty original name', { original_filename: '' }, { original_filename: '' }],
];

for (const [title, given, normal] of spellings) {
  test(`normal form: ${title}`, (t) => {
    const { attributes } = codec.parseSidecar(bytesOf({ ...v1, ...given }), found);
    t.deepEqual(attributes, { ...v1, ...normal } as Attributes);
  });
}

test('sizes as text: digits only, and no more than a number holds', (t) => {
  const read = (size: unknown) => codec.parseSidecar(bytesOf({ ...v1, file_size: size }), found);
  t.is(read('9007199254740991').attributes.file_size, Number.MAX_SAFE_INTEGER);
  for (const size of ['9007199254740993', '-1', '1e3', ' 1', '', 1.5, '99999999999999999999']) {
    t.throws(() => read(size), { code: 'ATTRIBUTES_INVALID' }, String(size));
  }
  const withFraction = JSON.stringify(v1).replace('"file_size":15', '"file_size":15.0');
  t.is(codec.parseSidecar(bytesOf(withFraction), found).attributes.file_size, 15);
});

test('integrity tells a changed document from an unchanged one', (t) => {
  const { text } = codec.encodeSidecar(v2 as unknown as Attributes);
  const check = (changed: string) => codec.parseSidecar(bytesOf(changed), found).integrity;
  t.is(check(text), 'valid');
  t.is(check(JSON.stringify(JSON.parse(text), null, 4)), 'valid', 'white space is no change');
  t.is(check(text.replace('PROJ-456', 'PROJ-457')), 'invalid');
  t.is(check(text.replace(/"digest":"../, '"digest":"zz')), 'invalid');
  t.is(check(text.replace('sha-256', 'sha-512')), 'invalid', 'an algorithm that we cannot check');
});

test('integrity is the digest of the RFC 8785 form, as anyone can compute it', (t) => {
  const attributes = { ...v2, big: 1, created_by_id: null } as unknown as Attributes;
  const { text } = codec.encodeSidecar(attributes);
  const { integrity, ...rest } = JSON.parse(text) as Record<string, unknown>;
  const sort = (value: unknown): unknown =>
    typeof value !== 'object' || value === null
      ? value
      : Array.isArray(value)
        ? value.map(sort)
        : Object.fromEntries(
            Object.entries(value)
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([key, member]) => [key, sort(member)]),
          );
  const digest = createHash('sha256')
    .update(JSON.stringify(sort(rest)))
    .digest('hex');
  t.deepEqual(integrity, { algorithm: 'sha-256', digest });
});

test('a foreign key named integrity is kept and not taken for ours', (t) => {
  const parsed = codec.parseSidecar(bytesOf({ ...v2, integrity: 'high' }), found);
  t.is(parsed.integrity, 'absent');
  const { text } = codec.encodeSidecar(parsed.attributes);
  t.is(codec.parseSidecar(bytesOf(text), found).attributes['integrity'], 'high');
});

test('keys stand in their order: standard fields, extension keys, others', (t) => {
  const attributes = { 7: 'x', zeta: 1, revision: 3, tags: [], template: 'mine', ...v2 };
  const { text } = codec.encodeSidecar(attributes as unknown as Attributes);
  const names = [...text.matchAll(/^"(\w+)":/gm)].map((match) => match[1]);
  t.deepEqual(names, [
    ...Object.keys(v2),
    'tags',
    'revision',
    'integrity',
    '7',
    'zeta',
    'template',
  ]);
});

test('the limit counts bytes and holds to the byte, with and without reserve', (t) => {
  const withDescription = (description: string) =>
    ({ ...v2, description }) as unknown as Attributes;
  const { sizeBytes } = codec.encodeSidecar(withDescription(''));
  for (const reserveBytes of [0, limits.sidecarReserveBytes]) {
    const room = limits.sidecarSizeBytes - reserveBytes - sizeBytes;
    const fits = `${'я'.repeat(Math.floor(room / 2))}${'a'.repeat(room % 2)}`;
    const encoded = codec.encodeSidecar(withDescription(fits), { reserveBytes });
    t.is(encoded.sizeBytes, limits.sidecarSizeBytes - reserveBytes);
    t.is(encoded.sizeBytes, Buffer.byteLength(encoded.text));
    const error = t.throws(
      () => codec.encodeSidecar(withDescription(`${fits}a`), { reserveBytes }),
      {
        code: 'ATTRIBUTES_TOO_LARGE',
      },
    );
    t.like(error, {
      details: {
        sizeBytes: limits.sidecarSizeBytes - reserveBytes + 1,
        limitBytes: limits.sidecarSizeBytes - reserveBytes,
      },
    });
  }
});

test('nothing is written that could not be read again', (t) => {
  const nested = JSON.parse('{"a":'.repeat(64) + '1' + '}'.repeat(64)) as JsonObject;
  const attributes = { ...v2, custom_attributes: nested } as unknown as Attributes;
  t.throws(() => codec.encodeSidecar(attributes), { code: 'ATTRIBUTES_INVALID' });
  const invalid = { ...v2, checksum: 'abc' } as unknown as Attributes;
  t.throws(() => codec.encodeSidecar(invalid), { code: 'ATTRIBUTES_INVALID' });
});

test('property: what is written is read back the same, digit for digit', (t) => {
  fc.assert(
    fc.property(arbitraryAttributes, (attributes) => {
      const written = tryEncode(attributes);
      if (written === null) return;
      const parsed = codec.parseSidecar(bytesOf(written), found);
      t.is(JSON.stringify(parsed.attributes), JSON.stringify(attributes));
      t.is(parsed.integrity, 'valid');
      t.is(parsed.dialect, 'v2.0');
      t.is(JSON.stringify(codec.parseAttributes(written)), JSON.stringify(attributes));
      t.is(tryEncode(parsed.attributes), written, 'the same attributes have one text');
      extensionsOf(parsed.attributes);
    }),
    { numRuns: 300 },
  );
});

test('property: reading a v1 document keeps every unknown key as it was written', (t) => {
  fc.assert(
    fc.property(arbitraryObject, (unknown) => {
      const source = Object.fromEntries(
        Object.entries(unknown).map(([name, value]) => [`x_${name}`, value]),
      );
      const { attributes } = codec.parseSidecar(bytesOf({ ...v1Source(), ...source }), found);
      for (const [name, value] of Object.entries(source)) {
        t.is(JSON.stringify(attributes[name]), JSON.stringify(value));
      }
      t.is(Object.keys(attributes).length, Object.keys(v1).length + Object.keys(source).length);
    }),
    { numRuns: 300 },
  );
});

function v1Source(): JsonObject {
  const { schema_version: _, custom_attributes: __, ...document } = v1;
  return document;
}

function tryEncode(attributes: Attributes): string | null {
  try {
    return codec.encodeSidecar(attributes).text;
  } catch (error) {
    if (isDomainError(error, 'ATTRIBUTES_TOO_LARGE')) return null;
    throw error;
  }
}
