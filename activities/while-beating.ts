import { Context } from '@temporalio/activity';

const heartbeatMs = 2_000;

/**
 * Disks, databases and indexes may take their time; that this process is alive is said meanwhile.
 * @param details what each heartbeat carries; null: nothing
 */
export async function whileBeating<Result>(
  details: (() => unknown) | null,
  step: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(details?.()), heartbeatMs);
  try {
    return await step(context.cancellationSignal);
  } finally {
    clearInterval(beat);
  }
}
