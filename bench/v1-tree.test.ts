import test from 'ava';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';
import { makeV1File } from './v1-tree.ts';

const codec = openAttributesCodec();
const numbers = Array.from({ length: 160 }, (_, number) => number);

test('every file of the old store can be read as version 1.0', (t) => {
  for (const number of numbers) {
    const { sidecar, storagePath, storageFilename, fileId, content } = makeV1File(number);
    const { attributes, sourceVersion } = codec.parseSidecar(sidecar, {
      storagePath,
      storageFilename,
    });
    t.is(sourceVersion, '1.0');
    t.is(attributes.file_size, content.length);
    t.is(attributes.storage_filename, storageFilename);
    t.is(attributes.storage_path, storagePath);
    t.true(attributes.created_at.startsWith('2020-01-01T0'));
    const isKnown = 'file_id' in (JSON.parse(sidecar.toString()) as object);
    if (isKnown) t.is(attributes.file_id, fileId);
  }
});

test('file n is the same in every run, and none is like another', (t) => {
  t.deepEqual(makeV1File(7), makeV1File(7));
  t.is(new Set(numbers.map((number) => makeV1File(number).storageFilename)).size, numbers.length);
  t.not(makeV1File(7, 'a').fileId, makeV1File(7, 'b').fileId);
});
