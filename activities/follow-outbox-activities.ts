import { Context } from '@temporalio/activity';
import { isDomainError } from '#domain/errors.ts';
import type { FileId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { FeedConsumer, Outbox, OutboxEvent, OutboxPosition } from '#domain/ports/outbox.ts';
import { TargetUnavailableError, type FeedTarget } from './feed-targets.ts';

export interface FollowOutboxPorts {
  readonly outbox: Outbox;
  readonly targets: Partial<Record<FeedConsumer, FeedTarget>>;
  /** Aborted when this process is to end: the turn then ends early. */
  readonly stopping: AbortSignal;
  /** Length of a turn, unless a test says otherwise. */
  readonly turnMs?: number;
}

export type FollowOutboxActivities = ReturnType<typeof createFollowOutboxActivities>;

const usualTurnMs = 600_000;
const heartbeatMs = 1_000;
/** A row that had to wait for another transaction comes without a notification. */
const lookAgainMs = 400;
/** Each batch costs the index a task, however small: what comes meanwhile forms the next one. */
const gatherMs = 300;
/** Files that are handed on at once; an event of a bulk run has many. */
const chunkFiles = 1_000;
const shortestPauseMs = 200;
const longestPauseMs = 2_000;

/** Takes what was committed to the consumers, in order, each batch at least once. */
export function createFollowOutboxActivities(ports: FollowOutboxPorts) {
  return {
    /**
     * One turn: follows the feed until the turn is over or the process ends. The position moves
     * after the target has taken a batch, so that a death in between only repeats the batch.
     */
    async followOutbox({ consumer }: { readonly consumer: FeedConsumer }): Promise<void> {
      const target = ports.targets[consumer];
      if (target === undefined) throw new TargetUnavailableError(`${consumer} is not served here`);
      const context = Context.current();
      const turn = AbortSignal.any([
        context.cancellationSignal,
        ports.stopping,
        AbortSignal.timeout(ports.turnMs ?? usualTurnMs),
      ]);
      const beat = setInterval(() => context.heartbeat(), heartbeatMs);
      try {
        await follow({ ...ports, consumer, target, turn });
      } finally {
        clearInterval(beat);
      }
      context.cancellationSignal.throwIfAborted();
    },

    /** What is old and was passed by all leaves the feed. @returns how many rows. */
    async pruneOutbox(): Promise<number> {
      let prunedCount = 0;
      for (;;) {
        const count = await ports.outbox.pruneEvents(limits.outboxBatch);
        prunedCount += count;
        Context.current().heartbeat();
        Context.current().cancellationSignal.throwIfAborted();
        if (count < limits.outboxBatch) return prunedCount;
      }
    },
  };
}

interface Following {
  readonly outbox: Outbox;
  readonly consumer: FeedConsumer;
  readonly target: FeedTarget;
  readonly turn: AbortSignal;
}

/** What the world does not give now is waited for here: a failing workflow would say no more. */
async function follow(following: Following): Promise<void> {
  const { consumer, turn } = following;
  let pauseMs = shortestPauseMs;
  while (!turn.aborted) {
    try {
      await following.target.prepare();
      await followWhileAnswered(following, () => {
        pauseMs = shortestPauseMs;
      });
    } catch (error) {
      if (!isWaiting(error)) throw error;
      if (pauseMs === shortestPauseMs) {
        Context.current().log.warn('the feed waits for its consumer', { consumer, error });
      }
      await pause(pauseMs, turn);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }
}

async function followWhileAnswered(
  { outbox, consumer, target, turn }: Following,
  onProgress: () => void,
): Promise<void> {
  let position = await outbox.readPosition(consumer);
  while (!turn.aborted) {
    // Asked before the look at the rows: nothing can be written in between unheard.
    const written = outbox.waitForEvents(lookAgainMs, turn);
    const events = await outbox.readAfter(position, limits.outboxBatch);
    const last = events.at(-1);
    if (last === undefined) {
      await written;
      continue;
    }
    position = await takeOver({ outbox, consumer, target, turn }, { position, events, last });
    onProgress();
    if (events.length < limits.outboxBatch) await pause(gatherMs, turn);
  }
}

interface Batch {
  readonly position: OutboxPosition | null;
  readonly events: readonly OutboxEvent[];
  readonly last: OutboxPosition;
}

/** @returns where the consumer stands now. */
async function takeOver(
  { outbox, consumer, target }: Following,
  { position, events, last }: Batch,
): Promise<OutboxPosition | null> {
  const { transactionId, sequence } = last;
  const fileIds = [...new Set(events.flatMap((event) => event.fileIds))];
  await applyInChunks(target, fileIds);
  const isMoved = await outbox.movePosition(consumer, position, { transactionId, sequence });
  if (isMoved) return { transactionId, sequence };
  // Another attempt is alive. What it read later may have reached the target before what we read
  // earlier: what stands there last must be what is true now.
  await applyInChunks(target, fileIds);
  return outbox.readPosition(consumer);
}

async function applyInChunks(target: FeedTarget, fileIds: readonly FileId[]): Promise<void> {
  for (let start = 0; start < fileIds.length; start += chunkFiles) {
    await target.applyFiles(fileIds.slice(start, start + chunkFiles));
  }
}

function isWaiting(error: unknown): boolean {
  if (error instanceof TargetUnavailableError) return true;
  return isDomainError(error) && (error.kind === 'unavailable' || error.kind === 'timeout');
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = (): void => {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    resolve();
  };
  const timer = setTimeout(end, ms);
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  return promise;
}
