import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  TemporalFailure,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  type ActivityInterfaceFor,
  type UntypedActivities,
} from '@temporalio/workflow';

/** Two tries inside the workflow task: no round trip, no event but one marker. */
const localMs = 5_000;
/** Together with the local tries a caller waits about ten seconds for a 503. */
const boundedMs = 5_000;
/** Longer than any healthy step takes; a step that may need more must heartbeat. */
const endlessAttemptMs = 30_000;
/** Short enough that what waited for an outage goes on soon after it. */
const endlessIntervalMs = 30_000;
const firstRetryMs = 200;
const fastRetryMs = 1_000;

/** Runs one step: the activities it is given differ in how long they are tried. */
type Step<Activities, Result> = (activities: ActivityInterfaceFor<Activities>) => Promise<Result>;

export interface StepPolicies<Activities> {
  /** Interactive, nothing has happened yet that could not be undone: bounded, then it fails. */
  beforePivot<Result>(step: Step<Activities, Result>): Promise<Result>;
  /**
   * Only forward: repeated without end, unless the failure says that repeating is of no use.
   * @param onSlow is called when the quick tries have failed.
   */
  afterPivot<Result>(step: Step<Activities, Result>, onSlow?: () => void): Promise<Result>;
}

// An abandoned attempt may still be running: the activities take turns by group, so that what
// follows waits for it. That makes it safe not to wait for it here.
const cancellationType = ActivityCancellationType.TRY_CANCEL;

export function createStepPolicies<Activities = UntypedActivities>(): StepPolicies<Activities> {
  const local = proxyLocalActivities<Activities>({
    scheduleToCloseTimeout: localMs,
    cancellationType,
    retry: { maximumAttempts: 2, initialInterval: firstRetryMs },
  });
  const bounded = proxyActivities<Activities>({
    scheduleToCloseTimeout: boundedMs,
    cancellationType,
    retry: { initialInterval: firstRetryMs, maximumInterval: fastRetryMs },
  });
  const endless = proxyActivities<Activities>({
    startToCloseTimeout: endlessAttemptMs,
    cancellationType,
    retry: { initialInterval: firstRetryMs, maximumInterval: endlessIntervalMs },
  });
  return {
    async beforePivot(step) {
      try {
        return await step(local);
      } catch (error) {
        if (!isWorthRepeating(error)) throw error;
        return step(bounded);
      }
    },
    async afterPivot(step, onSlow) {
      try {
        return await step(local);
      } catch (error) {
        if (!isWorthRepeating(error)) throw error;
        onSlow?.();
        return step(endless);
      }
    },
  };
}

/** A regular activity wraps what went wrong in an `ActivityFailure`, a local one does not. */
function isWorthRepeating(error: unknown): boolean {
  if (!(error instanceof TemporalFailure) || isCancellation(error)) return false;
  const reason = error instanceof ActivityFailure ? error.cause : error;
  return !(reason instanceof ApplicationFailure && reason.nonRetryable === true);
}
