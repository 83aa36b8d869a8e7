import test from 'ava';
import { describeProgress } from './progress.ts';

const state = { done: 300, total: 1000, label: 'migrateAttributes running' };

test('counts, rate and time left', (t) => {
  const pace = { unit: 'items', doneBefore: 0, elapsedMs: 10_000 } as const;
  t.is(
    describeProgress(state, pace),
    '300 of 1000, 30 %, 30.0/s, 23 s left, migrateAttributes running',
  );
});

test('what was done before the watch began says nothing about the pace', (t) => {
  const pace = { unit: 'items', doneBefore: 200, elapsedMs: 10_000 } as const;
  t.regex(describeProgress(state, pace), /10\.0\/s, 1 min 10 s left/);
});

test('without a total, or without any pace, nothing is promised', (t) => {
  const bytes = { unit: 'bytes', doneBefore: 0, elapsedMs: 1000 } as const;
  t.is(describeProgress({ done: 2048, total: null, label: '' }, bytes), '2.0 KiB, 2.0 KiB/s');
  t.is(describeProgress({ done: 0, total: 0, label: '' }, bytes), '0 B of 0 B, 0 B/s');
});
