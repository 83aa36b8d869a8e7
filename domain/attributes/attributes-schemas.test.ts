import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import test from 'ava';

import { attributesSchemas, findAttributesSchema } from '#domain/attributes/attributes-schemas.ts';

/** Of the released files. A change of one is a new version of the schema, never a new hash here. */
const released = {
  '1.0': 'dd0991ef83b52bdbbd9ec072e5405aee246a7f18f8604b9c46e7b5a1b4925c1f',
  '2.0': '7cf119e420b4da11953d9e7a73b8b6003fe5e850b9fee8208a91f455fee62718',
};

for (const [version, digest] of Object.entries(released)) {
  test(`schema ${version} is the one that was released`, (t) => {
    const file = import.meta.resolve(
      `#domain/attributes/schemas/attributes-v${version}.schema.json`,
    );
    t.is(
      createHash('sha256')
        .update(readFileSync(new URL(file)))
        .digest('hex'),
      digest,
    );
  });
}

test('every schema has its hash here and is found by its version', (t) => {
  t.deepEqual(Object.keys(attributesSchemas), Object.keys(released));
  t.like(findAttributesSchema('2.0'), { $id: 'urn:artstore:attributes:2.0' });
  for (const version of ['3.0', '', 'constructor', '__proto__']) {
    t.is(findAttributesSchema(version), null);
  }
});
