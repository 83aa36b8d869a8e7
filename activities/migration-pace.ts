import { sleep } from '@temporalio/activity';
import { limits } from '#domain/limits.ts';
import type { ShardWork } from '#domain/ports/migration-files.ts';
import type { MigrationPace } from '#domain/ports/migration-lifecycle.ts';
import type { MigrationRuns } from '#domain/ports/migration-runs.ts';

/** Whoever waits for its turn looks so often whether the pace is still the same. */
const lookEveryMs = 1_000;
/** The turn of one shard comes about so often: a chunk of a slow run has few files. */
const turnSeconds = 2;

type PacedTurn =
  | { readonly kind: 'go'; readonly chunkFiles: number }
  | { readonly kind: 'held' | 'ended' };

/** Waits for the shard's turn in the one queue of all shards. */
export async function awaitPace(
  runs: Pick<MigrationRuns, 'readControl' | 'reserveTurn'>,
  { run, shard }: Pick<ShardWork, 'run' | 'shard'>,
  signal: AbortSignal,
): Promise<PacedTurn> {
  const { operationId } = run;
  for (;;) {
    signal.throwIfAborted();
    const control = await runs.readControl(operationId, shard.shard);
    if (control.kind !== 'go') return control;
    const { pace } = control;
    const chunkFiles = chunkFilesAt(pace);
    if (pace.filesPerSecond === null) return { kind: 'go', chunkFiles };
    const delayMs = await runs.reserveTurn(operationId, chunkFiles);
    const isKept = await waitFor(delayMs, async () => {
      const latest = await runs.readControl(operationId, shard.shard);
      return latest.kind === 'go' && latest.pace.filesPerSecond === pace.filesPerSecond;
    });
    if (isKept) return { kind: 'go', chunkFiles };
  }
}

export function chunkFilesAt({ filesPerSecond, concurrency }: MigrationPace): number {
  if (filesPerSecond === null) return limits.migrationChunkFiles;
  const files = Math.floor((filesPerSecond * turnSeconds) / concurrency);
  return Math.min(Math.max(files, 1), limits.migrationChunkFiles);
}

/** @returns false as soon as it is not worth waiting for any more */
async function waitFor(delayMs: number, isStillWanted: () => Promise<boolean>): Promise<boolean> {
  for (let leftMs = delayMs; leftMs > 0; leftMs -= lookEveryMs) {
    await sleep(Math.min(leftMs, lookEveryMs));
    if (!(await isStillWanted())) return false;
  }
  return true;
}
