import type { GroupId } from '#domain/ids.ts';

/**
 * The steps of one group never overlap in this process, not even when Temporal has given an
 * attempt up: a hung write that went on after its group was decided could make a file that
 * nobody knows of. What follows waits until the earlier attempt has really ended.
 */
export interface GroupTurns {
  /** @throws the signal's reason when it is aborted before the turn comes; then `step` never runs. */
  take<Result>(groupId: GroupId, signal: AbortSignal, step: () => Promise<Result>): Promise<Result>;
}

export function createGroupTurns(): GroupTurns {
  const last = new Map<GroupId, Promise<void>>();
  return {
    async take(groupId, signal, step) {
      const before = last.get(groupId);
      const { promise: ended, resolve: end } = Promise.withResolvers<void>();
      const turn = before === undefined ? ended : before.then(() => ended);
      last.set(groupId, turn);
      try {
        if (before !== undefined) await waitUnlessAborted(before, signal);
        signal.throwIfAborted();
        return await step();
      } finally {
        end();
        void forgetAfter(turn, groupId);
      }
    },
  };

  async function forgetAfter(turn: Promise<void>, groupId: GroupId): Promise<void> {
    await turn;
    if (last.get(groupId) === turn) last.delete(groupId);
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
