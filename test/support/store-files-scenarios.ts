import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '#domain/errors.ts';
import type { StagedUpload } from '#domain/uploads.ts';
import { around, both, createGate, failAfter, failBefore } from '#test/support/activity-faults.ts';
import {
  openElementHarness,
  until,
  type ElementHarness,
  type GroupHandle,
  type TemporalHarness,
  type WorkerFaults,
} from '#test/support/element-harness.ts';
import { countEvents } from '#test/support/workflow-history.ts';
import { newGroupId } from '#test/support/stored-files.ts';

/** What is left in the world when a group is done. */
export interface Aftermath {
  /** How the workflow ended; a failure by the type that it names. */
  readonly ended: string;
  /** State of each upload, and the code of those that failed. */
  readonly uploads: readonly string[];
  readonly wholeFiles: number;
  readonly contentsWithoutSidecar: number;
  readonly stagedContents: number;
  readonly usedFiles: number;
  readonly reservedBytes: number;
}

/** One branch of `storeFiles`: a fault and what must come of it. */
export interface Scenario {
  /** Names the recorded history too. */
  readonly name: string;
  readonly fileCount: number;
  readonly expected: Aftermath;
  /** Made anew for each run: faults count their calls. */
  readonly stage?: () => Stage;
}

interface Stage {
  readonly faults?: WorkerFaults;
  readonly prepare?: (harness: ElementHarness, uploads: readonly StagedUpload[]) => Promise<void>;
  readonly beforeWorker?: (handle: GroupHandle) => Promise<void>;
  readonly meanwhile?: (handle: GroupHandle) => Promise<void>;
}

export interface PlayedScenario {
  readonly handle: GroupHandle;
  readonly aftermath: Aftermath;
}

export async function playScenario(
  temporal: TemporalHarness,
  scenario: Scenario,
): Promise<PlayedScenario> {
  const { faults, prepare, beforeWorker, meanwhile } = scenario.stage?.() ?? {};
  await using harness = await openElementHarness(temporal);
  const uploads = await harness.stageMany(scenario.fileCount);
  await prepare?.(harness, uploads);
  const handle = await harness.startGroup(newGroupId(), uploads);
  await beforeWorker?.(handle);
  await using worker = await harness.startWorker(faults);
  const [ended] = await Promise.all([describeEnd(handle), meanwhile?.(handle)]);
  void worker;
  return { handle, aftermath: await lookAround(harness, uploads, ended) };
}

export async function lookAround(
  harness: ElementHarness,
  uploads: readonly StagedUpload[],
  ended: string,
): Promise<Aftermath> {
  const rows = await Promise.all(uploads.map(({ fileId }) => harness.findOne(fileId)));
  const report = await harness.readElement();
  const { usedBytes, reservedBytes } = await harness.counters();
  return {
    ended,
    uploads: rows.map(({ state, failure }) => failure?.code ?? state),
    wholeFiles: report.whole.length,
    contentsWithoutSidecar: report.content_without_sidecar.length,
    stagedContents: report.staging.length,
    usedFiles: usedBytes / 4096,
    reservedBytes,
  };
}

async function describeEnd(handle: GroupHandle): Promise<string> {
  try {
    await handle.result();
    return 'completed';
  } catch (error) {
    const { status } = await handle.describe();
    if (status.name !== 'FAILED') return status.name.toLowerCase();
    let cause = error instanceof Error ? error.cause : undefined;
    while (cause instanceof Error && !('type' in cause)) cause = cause.cause;
    return String((cause as { type?: unknown } | undefined)?.type);
  }
}

const stored = (fileCount: number): Aftermath => ({
  ended: 'completed',
  uploads: Array.from({ length: fileCount }, () => 'stored'),
  wholeFiles: fileCount,
  contentsWithoutSidecar: 0,
  stagedContents: 0,
  usedFiles: fileCount,
  reservedBytes: 0,
});

const undone = (fileCount: number, code: string, ended = code): Aftermath => ({
  ended,
  uploads: Array.from({ length: fileCount }, () => code),
  wholeFiles: 0,
  contentsWithoutSidecar: 0,
  stagedContents: fileCount,
  usedFiles: 0,
  reservedBytes: 0,
});

/** Hangs a step until the workflow was cancelled while it ran as a regular activity. */
function cancelDuring(name: 'commitContents' | 'writeSidecars' | 'recordGroup'): () => Stage {
  return () => {
    const gate = createGate();
    return {
      faults: {
        wrapActivities: around(name, async (step) => {
          await gate.pass();
          return step();
        }),
      },
      async meanwhile(handle) {
        const attributes = 'activityTaskScheduledEventAttributes';
        await until(
          'the quick tries are over',
          async () => (await countEvents(handle, attributes)) > 0,
        );
        await handle.cancel();
        if (name === 'commitContents') await handle.result().catch(() => undefined);
        gate.open();
      },
    };
  };
}

export const storeFilesScenarios: readonly Scenario[] = [
  { name: 'success', fileCount: 3, expected: stored(3) },
  {
    name: 'content-of-one-missing',
    fileCount: 64,
    expected: {
      ...stored(64),
      uploads: ['CONTENT_MISSING', ...stored(63).uploads],
      wholeFiles: 63,
      usedFiles: 63,
    },
    stage: () => ({
      prepare: (harness, [upload]) => harness.element.discardStaged(upload!.fileId),
    }),
  },
  {
    name: 'sidecar-of-one-refused',
    fileCount: 64,
    expected: {
      ...stored(64),
      uploads: ['SIDECAR_CORRUPT', ...stored(63).uploads],
      wholeFiles: 63,
      usedFiles: 63,
      stagedContents: 1,
    },
    stage: () => {
      let place = '';
      return {
        async prepare(harness, [upload]) {
          place = join(harness.root, upload!.storagePath, `${upload!.storageFilename}.attr.json`);
        },
        faults: {
          wrapActivities: around('writeSidecars', async (step) => {
            await writeFile(place, '{"somebody": "else"}');
            const failures = await step();
            // Else the product would leave the content where it is, beside a sidecar.
            await rm(place);
            return failures;
          }),
        },
      };
    },
  },
  {
    name: 'claim-fails',
    fileCount: 2,
    expected: undone(2, 'CATALOGUE_UNAVAILABLE'),
    stage: () => ({
      faults: { wrapActivities: failBefore('claimGroup', 'CATALOGUE_UNAVAILABLE') },
    }),
  },
  {
    name: 'claim-fails-after-the-fact',
    fileCount: 2,
    expected: undone(2, 'CATALOGUE_UNAVAILABLE'),
    stage: () => ({ faults: { wrapActivities: failAfter('claimGroup', 'CATALOGUE_UNAVAILABLE') } }),
  },
  {
    name: 'commit-fails-after-the-fact',
    fileCount: 2,
    expected: undone(2, 'ELEMENT_UNAVAILABLE'),
    stage: () => ({
      faults: { wrapActivities: failAfter('commitContents', 'ELEMENT_UNAVAILABLE') },
    }),
  },
  {
    name: 'commit-has-a-bug',
    fileCount: 2,
    expected: undone(2, 'WORKFLOWS_UNAVAILABLE', 'TypeError'),
    stage: () => ({
      faults: {
        wrapActivities: around('commitContents', () => {
          throw new TypeError('a mistake');
        }),
      },
    }),
  },
  {
    name: 'commit-recovers',
    fileCount: 2,
    expected: stored(2),
    stage: () => ({
      faults: { wrapActivities: failAfter('commitContents', 'ELEMENT_UNAVAILABLE', 3) },
    }),
  },
  {
    name: 'undoing-recovers',
    fileCount: 2,
    expected: undone(2, 'WORKFLOWS_UNAVAILABLE', 'CONTENT_CORRUPT'),
    stage: () => ({
      faults: {
        wrapActivities: both(
          failAfter('commitContents', 'CONTENT_CORRUPT'),
          failAfter('returnContents', 'ELEMENT_UNAVAILABLE', 3),
          failBefore('failGroup', 'CATALOGUE_UNAVAILABLE', 3),
        ),
      },
    }),
  },
  {
    name: 'undoing-leaves-something',
    fileCount: 2,
    expected: {
      ...undone(2, 'WORKFLOWS_UNAVAILABLE', 'COMPENSATION_FAILED'),
      contentsWithoutSidecar: 2,
      stagedContents: 0,
    },
    stage: () => ({
      faults: {
        wrapActivities: both(
          failAfter('commitContents', 'CONTENT_CORRUPT'),
          failBefore('returnContents', 'CONTENT_CORRUPT'),
        ),
      },
    }),
  },
  {
    name: 'sidecars-recover',
    fileCount: 2,
    expected: stored(2),
    stage: () => ({
      faults: { wrapActivities: failAfter('writeSidecars', 'ELEMENT_UNAVAILABLE', 4) },
    }),
  },
  {
    name: 'sidecars-half-written',
    fileCount: 2,
    expected: {
      ...stored(1),
      uploads: ['stored', 'WORKFLOWS_UNAVAILABLE'],
      stagedContents: 1,
    },
    stage: writeHalf,
  },
  {
    name: 'record-recovers',
    fileCount: 2,
    expected: stored(2),
    stage: () => ({
      faults: { wrapActivities: failAfter('recordGroup', 'CATALOGUE_UNAVAILABLE', 4) },
    }),
  },
  {
    name: 'cancelled-before-it-began',
    fileCount: 2,
    expected: undone(2, 'OPERATION_CANCELLED', 'cancelled'),
    stage: () => ({
      async beforeWorker(handle) {
        await handle.cancel();
      },
    }),
  },
  {
    name: 'cancelled-before-the-pivot',
    fileCount: 2,
    expected: undone(2, 'OPERATION_CANCELLED', 'cancelled'),
    stage: cancelDuring('commitContents'),
  },
  {
    name: 'cancelled-in-the-pivot',
    fileCount: 2,
    expected: stored(2),
    stage: cancelDuring('writeSidecars'),
  },
  {
    name: 'cancelled-after-the-pivot',
    fileCount: 2,
    expected: stored(2),
    stage: cancelDuring('recordGroup'),
  },
];

/** The sidecar of the first file is written, then the step ends in a way that no repeat mends. */
function writeHalf(): Stage {
  let writeFirst = (): Promise<unknown> => Promise.reject(new Error('not prepared'));
  return {
    async prepare(harness, [upload]) {
      const item = { ...upload!, expectedDigest: null };
      writeFirst = () => harness.element.writeSidecars([item]);
    },
    faults: {
      wrapActivities: around('writeSidecars', async () => {
        await writeFirst();
        throw new DomainError('SIDECAR_CORRUPT', 'A fault of the test.');
      }),
    },
  };
}
