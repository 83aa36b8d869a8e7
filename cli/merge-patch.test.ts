import test from 'ava';
import { CliError } from './cli-error.ts';
import { buildPatch } from './merge-patch.ts';

test('options become the members of a merge patch, and only those that were named', (t) => {
  const options = {
    setDescription: 'Новое',
    setVersion: '',
    metadata: { a: 1 },
    removeMetadata: ['b'],
    retainUntil: '2030-01-01T00:00:00Z',
  };
  t.deepEqual(buildPatch(options, {}, ['x']), {
    description: 'Новое',
    version: null,
    metadata: { a: 1, b: null },
    retention: { retain_until: '2030-01-01T00:00:00Z' },
  });
});

test('tags are added to those that are there, each once, and taken away', (t) => {
  const tagsOf = (options: object): unknown => buildPatch(options, {}, ['a', 'b'])['tags'];
  t.deepEqual(tagsOf({ tag: ['c', 'a'] }), ['a', 'b', 'c']);
  t.deepEqual(tagsOf({ untag: ['a', 'z'] }), ['b']);
  t.deepEqual(tagsOf({ tag: ['c'], untag: ['b'] }), ['a', 'c']);
});

test('options go before a document, member by member', (t) => {
  const document = { description: 'alt', custom_attributes: { a: 1, b: 1 }, tags: ['x'] };
  t.deepEqual(buildPatch({ setDescription: 'neu', custom: { b: 2 } }, document, []), {
    description: 'neu',
    custom_attributes: { a: 1, b: 2 },
    tags: ['x'],
  });
});

test('a patch that would change nothing is refused', (t) => {
  const error = t.throws(() => buildPatch({}, {}, []), { instanceOf: CliError });
  t.is(error?.exitCode, 2);
});
