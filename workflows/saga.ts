import {
  ApplicationFailure,
  CancellationScope,
  ContinueAsNew,
  TemporalFailure,
  log,
} from '@temporalio/workflow';

/** The one failure type that is not a code of the catalogue: something was left behind. */
export const compensationFailed = 'COMPENSATION_FAILED';

export interface Saga {
  /**
   * Registered before its step, because a step that failed may have happened. So `undo` must be
   * safe to run twice and must tolerate a step that never ran.
   * @param undo is told what went wrong.
   */
  compensateWith(name: string, undo: (cause: TemporalFailure) => Promise<void>): void;
  /** From here on nothing is undone: what the steps did exists. */
  passPivot(): void;
}

export interface SagaOptions {
  /** Called once, before the first compensation. */
  readonly onUndo?: () => void;
  /** Keeps a cancelled workflow's compensations running; a test may put its own here. */
  readonly shield?: (undo: () => Promise<void>) => Promise<void>;
  readonly warn?: (message: string, attributes: Record<string, unknown>) => void;
}

interface Compensation {
  readonly name: string;
  readonly undo: (cause: TemporalFailure) => Promise<void>;
}

/**
 * Runs steps and, when they fail or the workflow is cancelled before the pivot, their
 * compensations, last in first out. One that fails does not stop the others.
 * @throws what the steps threw, when everything was undone; otherwise an `ApplicationFailure` of
 *   type `COMPENSATION_FAILED` that names what was left behind, with the first error as its cause.
 */
export async function runSaga<Result>(
  steps: (saga: Saga) => Promise<Result>,
  options: SagaOptions = {},
): Promise<Result> {
  let compensations: Compensation[] = [];
  try {
    return await steps({
      compensateWith: (name, undo) => compensations.push({ name, undo }),
      passPivot: () => {
        compensations = [];
      },
    });
  } catch (error) {
    // Going on in a new run is thrown, but it is no failure. Neither is a mistake in workflow
    // code: the task fails and waits for code that is right, with nothing undone behind its back.
    if (error instanceof ContinueAsNew || !(error instanceof TemporalFailure)) throw error;
    const leftovers = await compensate(compensations.reverse(), error, options);
    if (leftovers.length === 0) throw error;
    throw ApplicationFailure.create({
      type: compensationFailed,
      message: `Not everything could be undone. Left over: ${leftovers.join(', ')}.`,
      nonRetryable: true,
      details: [{ leftovers }],
      cause: error,
    });
  }
}

async function compensate(
  compensations: readonly Compensation[],
  cause: TemporalFailure,
  { onUndo, shield = shieldFromCancel, warn = warnInLog }: SagaOptions,
): Promise<string[]> {
  const leftovers: string[] = [];
  if (compensations.length === 0) return leftovers;
  await shield(async () => {
    onUndo?.();
    for (const { name, undo } of compensations) {
      try {
        await undo(cause);
      } catch (error) {
        if (!(error instanceof TemporalFailure)) throw error;
        leftovers.push(name);
        warn('a compensation failed', { compensation: name, error });
      }
    }
  });
  return leftovers;
}

function shieldFromCancel(undo: () => Promise<void>): Promise<void> {
  return CancellationScope.nonCancellable(undo);
}

function warnInLog(message: string, attributes: Record<string, unknown>): void {
  log.warn(message, attributes);
}
