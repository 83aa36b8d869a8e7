import test from 'ava';
import { findPathFault, locationsOverlap } from './element-location.ts';

test('only an absolute path in its one normal form names a directory', (t) => {
  for (const path of ['/srv', '/srv/artstore/rw-01', '/srv/Архив 1', '/srv/..data', '/srv/a..']) {
    t.is(findPathFault(path), null, path);
  }
  for (const path of [
    '',
    'srv',
    './srv',
    '/',
    '//srv',
    '/srv/',
    '/srv//a',
    '/srv/./a',
    '/srv/..',
    '/srv/../etc',
    '/../etc',
    '/srv/a\nb',
    '/srv/a\0',
    '/srv/\ud800',
    `/${'a'.repeat(1000)}`,
  ]) {
    t.is(typeof findPathFault(path), 'string', path);
  }
});

test('a directory overlaps with itself and with what lies within it', (t) => {
  t.true(locationsOverlap('/srv/a', '/srv/a'));
  t.true(locationsOverlap('/srv/a', '/srv/a/b/c'));
  t.true(locationsOverlap('/srv/a/b/c', '/srv/a'));
  t.false(locationsOverlap('/srv/a', '/srv/ab'));
  t.false(locationsOverlap('/srv/ab', '/srv/a'));
  t.false(locationsOverlap('/srv/a', '/srv/b'));
});
