import type { GroupId } from '#domain/ids.ts';

/**
 * The steps of one group, or of the changes of one file, never overlap in this process, not even when Temporal has given an
 * attempt up: a hung write that went on after its group was decided could make a file that
 * nobody knows of. What follows waits until the earlier attempt has really ended.
 */
export interface GroupTurns<Key = GroupId> {
  /** @throws the signal's reason when it is aborted before the turn comes; then `step` never runs. */
  take<Result>(key: Key, signal: AbortSignal, step: () => Promise<Result>): Promise<Result>;
}

export function createGroupTurns<Key = GroupId>(): GroupTurns<Key> {
  const last = new Map<Key, Promise<void>>();
  return {
    async take(key, signal, step) {
      const before = last.get(key);
      const { promise: ended, resolve: end } = Promise.withResolvers<void>();
      const turn = before === undefined ? ended : before.then(() => ended);
      last.set(key, turn);
      try {
        if (before !== undefined) await waitUnlessAborted(before, signal);
        signal.throwIfAborted();
        return await step();
      } finally {
        end();
        void forgetAfter(turn, key);
      }
    },
  };

  async function forgetAfter(turn: Promise<void>, key: Key): Promise<void> {
    await turn;
    if (last.get(key) === turn) last.delete(key);
  }
}

async function waitUnlessAborted(before: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    await Promise.race([before, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
