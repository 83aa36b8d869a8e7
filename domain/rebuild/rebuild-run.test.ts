import test from 'ava';
import { createTally, progressOfRun, resultOfRun, startRun } from '#domain/rebuild/rebuild-run.ts';

test('a batch adds to the run, and the run that was given stays as it is', (t) => {
  const run = startRun('before');
  const first = createTally();
  first.count('added', 2);
  first.count('missing');
  first.done();
  first.done();
  first.dialect('v1.0');
  first.dialect('v2.0');
  const once = first.addTo(run, { storagePath: 'a/', name: 'b' });
  const second = createTally();
  second.count('added');
  second.done();
  second.count('unreadable');
  second.failed();
  second.count('in_flight');
  second.skipped();
  second.dialect('v1.0');
  const twice = second.addTo(once, { storagePath: 'c/', name: 'd' });
  t.deepEqual(run, startRun('before'));
  t.deepEqual(twice.position, { storagePath: 'c/', name: 'd' });
  t.deepEqual(progressOfRun(twice), { done: 3, failed: 1, skipped: 1, total: 5 });
  t.like(resultOfRun(twice, null), {
    added: 3,
    updated: 0,
    missing: 1,
    unreadable: 1,
    in_flight: 1,
    dialects: { 'v1.0': 2, 'v2.0': 1 },
    listing_digest_before: 'before',
  });
  t.false(Object.hasOwn(resultOfRun(twice, null), 'listing_digest'));
  t.is(resultOfRun(twice, 'after')['listing_digest'], 'after');
});
