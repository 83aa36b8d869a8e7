import { DomainError, type ErrorCode } from '#domain/errors.ts';
import type { ElementActivities } from '#workers/element-worker.ts';

type StepName = keyof ElementActivities;
type Step = (...args: unknown[]) => Promise<unknown>;

/** Puts something around one activity. */
export function around(
  name: StepName,
  change: (step: () => Promise<unknown>, call: number) => Promise<unknown>,
): (activities: ElementActivities) => ElementActivities {
  return (activities) => {
    const step = activities[name] as Step;
    let calls = 0;
    const changed: Step = (...args) => {
      calls += 1;
      return change(() => step(...args), calls);
    };
    return { ...activities, [name]: changed };
  };
}

/** The step happens, but whoever asked for it is told that it failed. */
export function failAfter(name: StepName, code: ErrorCode, times = Infinity) {
  return around(name, async (step, call) => {
    const result = await step();
    if (call <= times) throw new DomainError(code, 'A fault of the test.');
    return result;
  });
}

/** The step does not happen. */
export function failBefore(name: StepName, code: ErrorCode, times = Infinity) {
  return around(name, (step, call) => {
    if (call <= times) throw new DomainError(code, 'A fault of the test.');
    return step();
  });
}

export function both(
  ...wraps: readonly ((activities: ElementActivities) => ElementActivities)[]
): (activities: ElementActivities) => ElementActivities {
  return (activities) => wraps.reduce((wrapped, wrap) => wrap(wrapped), activities);
}

/** A door that tells when somebody stands before it, and that stays open once it is opened. */
export function createGate() {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  return {
    open,
    reached,
    async pass(): Promise<void> {
      reach();
      await opened;
    },
  };
}
