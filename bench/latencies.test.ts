import test from 'ava';

import { median, summariseLatencies } from './latencies.ts';

test('percentiles are values that were seen, by nearest rank, in any order of arrival', (t) => {
  const values = Array.from({ length: 200 }, (_, index) => ((index * 77) % 200) + 1);
  t.deepEqual(summariseLatencies(values), {
    count: 200,
    meanMs: 100.5,
    p50Ms: 100,
    p90Ms: 180,
    p99Ms: 198,
    maxMs: 200,
  });
});

test('one value is every percentile, and none is none', (t) => {
  t.like(summariseLatencies([7]), { count: 1, p50Ms: 7, p99Ms: 7, maxMs: 7 });
  t.like(summariseLatencies([]), { count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 });
});

test('a median of an even number lies between the two in the middle', (t) => {
  t.is(median([9, 1, 5]), 5);
  t.is(median([10, 9, 1, 2]), 5.5);
});
