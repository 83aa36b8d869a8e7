import { rm } from 'node:fs/promises';
import type { ExecutionContext } from 'ava';
import type { FileId } from '#domain/ids.ts';
import { openFilesystemObjectStore } from '#infra/filesystem/filesystem-object-store.ts';
import { readElement, type ElementReport } from '#test/support/independent-reader.ts';
import { makeElement, type DriverProcess, type DriverRun } from './filesystem-driver-process.ts';
import { faultElementId, faultFiles, runSteps } from './filesystem-steps.ts';
import { traceWhile, type Injection, type TracedCall } from './strace.ts';

/** What the element holds when the faulty run begins: nothing, or what an earlier run has stored. */
export type Start = 'empty' | 'stored';

/** How often each call happens when nothing goes wrong. */
export async function countCalls(
  driver: DriverProcess,
  start: Start,
): Promise<ReadonlyMap<TracedCall, number>> {
  const root = await makeElement();
  try {
    const staged = await prepareElement(root, start);
    const { calls } = await traceWhile(driver.child, () => driver.run(root, staged));
    const counts = new Map<TracedCall, number>();
    for (const call of calls) {
      // Node itself opens a file of the system now and then, on a thread of its own.
      if (call.name === 'openat' && !call.args.includes(root)) continue;
      const name = call.name as TracedCall;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return counts;
  } finally {
    await rm(root, { recursive: true });
  }
}

/** @returns what is staged before the run that counts. */
async function prepareElement(root: string, start: Start): Promise<readonly FileId[]> {
  return start === 'empty' ? [] : (await runSteps(root, new Set())).stored;
}

/**
 * Does the steps with one call made to fail, or to be the last of the process; checks what stands
 * on the element, as somebody else sees it; does the steps again; checks that all is there.
 */
export async function checkFault(
  t: ExecutionContext,
  driver: DriverProcess,
  { start, ...injection }: Injection & { readonly start: Start },
): Promise<void> {
  const title = `${start} ${injection.call} ${injection.nth} ${injection.effect}`;
  const root = await makeElement();
  try {
    const staged = await prepareElement(root, start);
    const traced = await traceWhile(driver.child, () => driver.run(root, staged), injection);
    t.true(traced.isInjected, title);
    const run = traced.result;
    const report = await readElement(root);
    checkWholeOrAbsent(t, report, title);
    checkAnswer(t, { run, report, injection, title });
    if (start === 'stored') t.is(report.whole.length, faultFiles.length, title);

    const repeated = await runSteps(root, run.staged);
    t.deepEqual(repeated, {
      stored: faultFiles.map(({ fileId }) => fileId),
      failed: [],
      codes: [],
    });
    await checkEverythingStored(t, root, title);
  } finally {
    await rm(root, { recursive: true });
  }
}

function checkWholeOrAbsent(t: ExecutionContext, report: ElementReport, title: string): void {
  t.deepEqual(report.damaged, [], title);
  t.deepEqual(report.sidecar_without_content, [], title);
  t.deepEqual(report.temporary, [], title);
}

/** Calls whose failure must reach the caller: none of them may be shrugged off. */
const changingCalls: readonly TracedCall[] = ['mkdir', 'pwrite64', 'pwritev', 'fsync', 'rename'];

function checkAnswer(
  t: ExecutionContext,
  what: { run: DriverRun; report: ElementReport; injection: Injection; title: string },
): void {
  const { run, report, injection, title } = what;
  const wholeIds = new Set(report.whole.map(({ file_id }) => file_id));
  const isKill = injection.effect.startsWith('signal=');
  t.is(run.result === null, isKill, title);
  if (run.result === null) return;
  for (const fileId of run.result.stored) t.true(wholeIds.has(fileId), title);
  for (const fileId of run.result.failed) t.false(wholeIds.has(fileId), title);
  for (const code of run.result.codes) {
    t.regex(code, /^(ELEMENT_UNAVAILABLE|INSUFFICIENT_STORAGE)$/, title);
  }
  for (const name of report.staging) t.true(run.staged.has(name as FileId), `${title}: ${name}`);
  if (changingCalls.includes(injection.call)) t.not(run.result.codes.length, 0, title);
}

async function checkEverythingStored(
  t: ExecutionContext,
  root: string,
  title: string,
): Promise<void> {
  const store = await openFilesystemObjectStore({ elementId: faultElementId, root });
  // What the sweep does once the leftovers are old enough.
  for (const fileId of await store.listStaged({ minAgeMs: 0, limit: 100 })) {
    await store.discardStaged(fileId);
  }
  const report = await readElement(root);
  checkWholeOrAbsent(t, report, title);
  t.deepEqual(report.content_without_sidecar, [], title);
  t.deepEqual(report.staging, [], title);
  t.deepEqual(
    report.whole.map(({ file_id }) => file_id as FileId).toSorted(),
    faultFiles.map(({ fileId }) => fileId),
    title,
  );
}
