/** The work did not end in time; it may still have its effect. */
export class OutOfTimeError extends Error {
  override readonly name = 'OutOfTimeError';
}

/**
 * Waits for `work`, at most `timeoutMs`. An event loop that stood still runs its timers before it
 * reads its sockets: an answer that lies there already still counts.
 */
export async function waitAtMost<Result>(
  timeoutMs: number,
  work: Promise<Result>,
): Promise<Result> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    setImmediate(() => reject(new OutOfTimeError('no answer in time')));
  }, timeoutMs);
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
