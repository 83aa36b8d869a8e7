import test from 'ava';
import { isDomainError } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';
import type { Verdict } from '#domain/reconcile/judge-location.ts';
import {
  addToRun,
  hasTooManyFindings,
  newRun,
  progressOfRun,
  requireRepairsPermitted,
  resultOfRun,
  type ReconcileRun,
} from '#domain/reconcile/reconcile-run.ts';

const wrong: Verdict = {
  kind: 'wrong',
  fileId: null,
  findings: [
    { code: 'ROW_MISSING', detail: '', place: 'sidecar' },
    { code: 'CONTENT_MISSING', detail: '', place: 'content' },
  ],
};

function runOf(counts: Partial<ReconcileRun['counts']>): ReconcileRun {
  return { ...newRun, counts: { ...newRun.counts, ...counts } };
}

test('files are counted once, findings each', (t) => {
  const position = { at: { storagePath: 'a/', name: 'b' }, pending: [] };
  const run = addToRun(newRun, [wrong, { kind: 'sound' }, { kind: 'young' }], position);
  const whole = addToRun(run, [wrong, { kind: 'busy' }], null);
  t.like(run, { position, isWhole: false, counts: { sound: 1, young: 1, busy: 0, wrong: 1 } });
  t.deepEqual(whole, {
    position: null,
    isWhole: true,
    counts: { sound: 1, young: 1, busy: 1, wrong: 2 },
    findings: { ROW_MISSING: 2, CONTENT_MISSING: 2 },
  });
  t.deepEqual(progressOfRun(run, 100), { done: 1, failed: 1, skipped: 1, total: 100 });
  t.deepEqual(progressOfRun(whole, 100), { done: 1, failed: 2, skipped: 2, total: 5 });
  t.like(resultOfRun(whole, { repair: null, listingDigest: 'd' }), { files: 5, wrong: 2 });
});

test('too many are more than ten and more than a hundredth, both', (t) => {
  t.is(limits.reconcileWrongFiles, 10);
  t.is(limits.reconcileWrongShare, 0.01);
  t.false(hasTooManyFindings(runOf({ wrong: 10 })));
  t.true(hasTooManyFindings(runOf({ wrong: 11 })));
  t.true(hasTooManyFindings(runOf({ wrong: 11, sound: 1_088 })));
  t.false(hasTooManyFindings(runOf({ wrong: 11, sound: 1_089 })));
  t.false(hasTooManyFindings(runOf({ wrong: 100, sound: 9_900 })));
  t.true(hasTooManyFindings(runOf({ wrong: 101, sound: 9_900 })));
});

test('elements that are frozen are not repaired', (t) => {
  for (const mode of ['edit', 'rw'] as const) t.notThrows(() => requireRepairsPermitted(mode));
  for (const mode of ['ro', 'ar'] as const) {
    const error = t.throws(() => requireRepairsPermitted(mode));
    t.true(isDomainError(error, 'MODE_FORBIDS_OPERATION'));
    t.deepEqual(isDomainError(error) ? error.details : null, { mode, operation: 'reconcile' });
  }
});
