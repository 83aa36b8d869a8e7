/** Workflows that exist only to show what a cancel does to a saga. */
import {
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  setHandler,
  sleep,
} from '@temporalio/workflow';
import { runSaga } from '#workflows/saga.ts';

export interface SagaOrder {
  /** The step that waits for a cancel. */
  readonly waitAt: number;
  /** The compensation that fails. */
  readonly resistAt: number | null;
}

/** Three steps; the one in `waitAt` never ends. Compensations sleep, as real ones wait. */
export async function waitingSaga({ waitAt, resistAt }: SagaOrder): Promise<void> {
  const events: string[] = [];
  setHandler(defineQuery<string[]>('events'), () => events);
  await runSaga(async (saga) => {
    for (const step of [0, 1, 2]) {
      saga.compensateWith(`step ${step}`, async () => {
        await sleep(1);
        events.push(`undone ${step}`);
        if (step === resistAt) throw ApplicationFailure.create({ message: 'it resists' });
      });
      events.push(`done ${step}`);
      if (step === waitAt) await condition(() => false);
    }
  });
}

/** A cancel that comes while compensations run does not stop them either. */
export async function cancelledWhileUndoing(): Promise<void> {
  const events: string[] = [];
  setHandler(defineQuery<string[]>('events'), () => events);
  const scope = CancellationScope.current();
  await runSaga(async (saga) => {
    saga.compensateWith('first', async () => {
      await sleep(1);
      events.push('first undone');
    });
    saga.compensateWith('second', async () => {
      scope.cancel();
      await sleep(1);
      events.push('second undone');
    });
    throw ApplicationFailure.create({ type: 'BROKEN', message: 'it broke' });
  });
}

export async function continuingSaga(isLast: boolean): Promise<string> {
  let undone = 0;
  await runSaga(async (saga) => {
    saga.compensateWith('anything', async () => {
      undone += 1;
    });
    if (!isLast) await continueAsNew<typeof continuingSaga>(true);
  });
  return `undone ${undone}`;
}
