import { readdirSync, readFileSync } from 'node:fs';

import test from 'ava';
import * as fc from 'fast-check';

import { orderMembers } from '#domain/attributes/sidecar-text.ts';
import {
  attributesVersions,
  createVersions,
  releasedVersions,
  type FirstVersion,
  type LaterVersion,
} from '#domain/attributes/versions.ts';
import type { ErrorCode } from '#domain/errors.ts';
import type { JsonObject } from '#domain/json.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';
import { arbitraryAttributes } from '#test/support/arbitrary-attributes.ts';
import { migrateV2, versionsWithV3 } from '#test/support/made-up-version.ts';

const found = { storagePath: '2099/12/31/23/', storageFilename: 'found-here.bin' };
const released = openAttributesCodec();
const ahead = openAttributesCodec(versionsWithV3);
const samplesFolder = new URL('.', import.meta.resolve('#test/fixtures/sidecars/v1.attr.json'));
const v3Folder = new URL('.', import.meta.resolve('#test/fixtures/made-up-version/v3.attr.json'));
const readSamples = (folder: URL) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.attr.json'))
    .map((name) => [name.replace('.attr.json', ''), readFileSync(new URL(name, folder))] as const);
const bytesOf = (text: string) => new TextEncoder().encode(text);

const refusedV3: Record<string, ErrorCode> = {
  'bad-v3-confidentiality': 'ATTRIBUTES_INVALID',
  'bad-v3-incomplete': 'ATTRIBUTES_INVALID',
  'bad-version-after-v3': 'ATTRIBUTES_VERSION_UNSUPPORTED',
};

test('what is released follows from the list', (t) => {
  t.deepEqual(attributesVersions.names, ['1.0', '2.0']);
  t.is(attributesVersions.newest.version, '2.0');
  t.deepEqual(attributesVersions.first.extensions, []);
  t.deepEqual(attributesVersions.newest.fields.at(0), 'schema_version');
  t.deepEqual(attributesVersions.newest.fields.at(-1), 'custom_attributes');
  t.deepEqual(attributesVersions.newest.fields.slice(1, -1), attributesVersions.first.fields);
  t.is(attributesVersions.newest.extensions.length, 6);
  t.true(attributesVersions.compare('1.0', '2.0') < 0);
  t.is(attributesVersions.find('constructor'), null);
});

test('a version cannot be listed twice', (t) => {
  const [first, ...later] = releasedVersions as [FirstVersion, LaterVersion];
  t.throws(() => createVersions(first, ...later, ...later), { instanceOf: TypeError });
});

test('with a third version the samples of both before are read into its form', (t) => {
  let readCount = 0;
  for (const [name, bytes] of readSamples(samplesFolder)) {
    if (name.startsWith('bad-')) {
      t.throws(() => ahead.parseSidecar(bytes, found), undefined, name);
      continue;
    }
    const before = released.parseSidecar(bytes, found);
    const parsed = ahead.parseSidecar(bytes, found);
    t.is(JSON.stringify(parsed.attributes), inOrder(migrateV2(before.attributes)), name);
    t.is(parsed.sourceVersion, before.sourceVersion);
    t.is(parsed.dialect, before.dialect);
    readCount += 1;
  }
  t.true(readCount >= 16);
});

test('and written as the third, with every unknown key', (t) => {
  for (const [name, bytes] of readSamples(samplesFolder)) {
    if (name.startsWith('bad-') || name === 'over-limit') continue;
    const parsed = ahead.parseSidecar(bytes, found);
    const written = ahead.encodeSidecar(parsed.attributes);
    t.true(written.text.startsWith('{\n"schema_version":"3.0",\n'), name);
    const again = ahead.parseSidecar(bytesOf(written.text), found);
    t.like(again, { sourceVersion: '3.0', dialect: 'v3.0', integrity: 'valid' });
    t.is(JSON.stringify(again.attributes), JSON.stringify(parsed.attributes));
    t.is(JSON.stringify(ahead.parseAttributes(written.text)), JSON.stringify(parsed.attributes));
  }
});

test('samples of the third version', (t) => {
  const samples = readSamples(v3Folder);
  t.is(samples.length, Object.keys(refusedV3).length + 2);
  for (const [name, bytes] of samples) {
    const code = refusedV3[name];
    if (code !== undefined) {
      t.throws(() => ahead.parseSidecar(bytes, found), { code }, name);
      continue;
    }
    const { attributes, sourceVersion } = ahead.parseSidecar(bytes, found);
    t.is(sourceVersion, '3.0');
    t.like(attributes, { schema_version: '3.0', confidentiality: 'secret' });
    t.throws(() => released.parseSidecar(bytes, found), { code: 'ATTRIBUTES_VERSION_UNSUPPORTED' });
  }
});

test('numbers keep their digits through the whole chain and back down', (t) => {
  const source = readFileSync(new URL('v1.attr.json', samplesFolder), 'utf8');
  const text = source.replace('{', '{"serial":12345678901234567890,"price":1.10,');
  const { attributes } = ahead.parseSidecar(bytesOf(text), found);
  for (const document of [
    ahead.encodeSidecar(attributes).text,
    JSON.stringify(ahead.toVersion(attributes, '2.0').document),
    JSON.stringify(ahead.toV1(attributes).document),
  ]) {
    t.regex(document, /"serial":12345678901234567890,\s*"price":1.10\b/);
  }
});

test('a row that the release before wrote is read in the newest form', (t) => {
  const [, bytes] = readSamples(samplesFolder).find(([name]) => name === 'v2-unknown-keys') ?? [];
  const { attributes } = released.parseSidecar(bytes ?? new Uint8Array(), found);
  const row = released.encodeSidecar(attributes).text;
  t.like(ahead.parseAttributes(row), { schema_version: '3.0', confidentiality: 'internal' });
  t.true(ahead.encodeSidecar(attributes).text.includes('"confidentiality":"internal"'));
  t.true(ahead.encodeForCatalogue(attributes).includes('"schema_version":"3.0"'));
});

test('a row that a later release wrote is read as it is, and not written', (t) => {
  const [, bytes] = readSamples(v3Folder).find(([name]) => name === 'v3') ?? [];
  const { attributes } = ahead.parseSidecar(bytes ?? new Uint8Array(), found);
  const row = ahead.encodeSidecar(attributes).text;
  t.is(released.parseAttributes(row)['schema_version'], '3.0');
  t.throws(() => released.encodeSidecar(released.parseAttributes(row)), {
    code: 'ATTRIBUTES_INVALID',
  });
});

test('the lossy way down names what each older version has no place for', (t) => {
  const source = readFileSync(new URL('v3-unknown-keys.attr.json', v3Folder), 'utf8');
  const { attributes } = ahead.parseSidecar(
    bytesOf(source.replace('{', '{"tags":["a"],"revision":4,')),
    found,
  );
  const toV2 = ahead.toVersion(attributes, '2.0');
  t.deepEqual(toV2.dropped, ['confidentiality', 'integrity']);
  t.like(toV2.document, { schema_version: '2.0', tags: ['a'], revision: 4 });
  t.like(released.parseSidecar(bytesOf(JSON.stringify(toV2.document)), found), {
    sourceVersion: '2.0',
  });
  const toV1 = ahead.toV1(attributes);
  t.deepEqual(toV1.dropped, [
    'schema_version',
    'confidentiality',
    'custom_attributes',
    'tags',
    'revision',
    'integrity',
  ]);
  t.true('future_key' in toV1.document);
  t.like(released.parseSidecar(bytesOf(JSON.stringify(toV1.document)), found), {
    sourceVersion: '1.0',
  });
  t.throws(() => ahead.toVersion(attributes, '4.0'), { instanceOf: TypeError });
});

test('property: the chain is idempotent, keeps what it does not know and changes no input', (t) => {
  fc.assert(
    fc.property(arbitraryAttributes, (attributes) => {
      const source: JsonObject = released.toV1(attributes).document;
      const before = JSON.stringify(source);
      const once = versionsWithV3.migrateToNewest(source);
      t.is(JSON.stringify(source), before);
      t.is(once['schema_version'], '3.0');
      t.is(JSON.stringify(versionsWithV3.migrateToNewest(once)), JSON.stringify(once));
      for (const [name, value] of Object.entries(source)) {
        if (['schema_version', 'confidentiality', 'custom_attributes'].includes(name)) continue;
        t.is(JSON.stringify(once[name]), JSON.stringify(value));
      }
    }),
    { numRuns: 200 },
  );
});

function inOrder(document: JsonObject): string {
  return JSON.stringify(Object.fromEntries(orderMembers(document, versionsWithV3.newest.fields)));
}
