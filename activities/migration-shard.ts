import { sleep } from '@temporalio/activity';
import { limits } from '#domain/limits.ts';
import type { MigrationRun, ShardStanding } from '#domain/migrations/migration-run.ts';
import type { CheckTemplate, MigrationRules } from '#domain/migrations/rewrite-sidecar.ts';
import type { RemainingFile, ShardWork } from '#domain/ports/migration-files.ts';
import type { MigrationRuns } from '#domain/ports/migration-runs.ts';
import type { OperationFailure } from '#domain/ports/operation-failures.ts';
import {
  recordChunk,
  rewriteChunk,
  type Chunk,
  type ChunkOutcome,
  type MigrationChunkPorts,
} from './migration-chunk.ts';
import { awaitPace } from './migration-pace.ts';
import { busy, previewChunk } from './migration-preview.ts';

export interface MigrationShardPorts extends MigrationChunkPorts {
  readonly runs: Pick<MigrationRuns, 'openShard' | 'readControl' | 'reserveTurn' | 'endShard'>;
  /** Absent where no templates are registered. */
  readonly findFaults?: (
    template: string,
    ...value: Parameters<CheckTemplate>
  ) => ReturnType<CheckTemplate>;
  /** As the limit of the same name, unless a test says otherwise. */
  readonly busyWaitMs?: number;
}

export type ShardTurn =
  /** The batch is full. */
  | 'more'
  /** The run is paused, or enough other shards work. */
  | 'held'
  /** Nothing is left of it, or the operation has ended. */
  | 'ended';

const lookPauseMs = 250;

export interface ShardBatch {
  readonly work: ShardWork;
  readonly standing: ShardStanding;
  readonly signal: AbortSignal;
  /** Called between two chunks. */
  readonly onChunk: (standing: ShardStanding) => Promise<void>;
  /** Whether the turn has lasted long enough. */
  readonly isOver: () => boolean;
}

/** Chunk after chunk, until a batch of files is full or something says otherwise. */
export async function runBatch(ports: MigrationShardPorts, batch: ShardBatch): Promise<ShardTurn> {
  const { work, signal } = batch;
  const { run } = work;
  const rules = rulesOf(ports, run);
  let { standing } = batch;
  const firstCount = countOf(standing);
  let waitedMs = 0;
  for (;;) {
    await batch.onChunk(standing);
    if (countOf(standing) - firstCount >= run.request.batchSize || batch.isOver()) return 'more';
    const pace = await awaitPace(ports.runs, work, signal);
    if (pace.kind !== 'go') return pace.kind;
    const chunk = { work, rules, standing, limit: pace.chunkFiles, signal };
    const outcome = await runChunk(ports, chunk);
    if (outcome.kind === 'out-of-turn') return 'more';
    if (outcome.kind === 'recorded') {
      ({ standing } = outcome);
      waitedMs = 0;
      continue;
    }
    const end = await endPass(ports, chunk, waitedMs);
    if (end.kind === 'ended') return 'ended';
    if (end.kind === 'out-of-turn') return 'more';
    if (end.kind === 'recorded') ({ standing } = end);
    else {
      await sleep(lookPauseMs);
      waitedMs += lookPauseMs;
    }
  }
}

function countOf({ done, failed }: ShardStanding): number {
  return done + failed;
}

function rulesOf(ports: MigrationShardPorts, { request }: MigrationRun): MigrationRules {
  const { mapping, mappingPolicy, template } = request;
  const { findFaults } = ports;
  if (template === null) return { mapping, mappingPolicy, template };
  if (findFaults === undefined) throw new TypeError('a template without who checks it');
  const check: CheckTemplate = (customAttributes) => findFaults(template, customAttributes);
  return { mapping, mappingPolicy, template: { id: template, check } };
}

function runChunk(
  ports: MigrationShardPorts,
  chunk: Omit<Chunk, 'position'>,
): Promise<ChunkOutcome> {
  const { position } = chunk.standing;
  if (position === null) return Promise.resolve({ kind: 'empty' });
  const isDry = chunk.work.run.request.dryRun;
  return isDry
    ? previewChunk(ports, { ...chunk, position })
    : rewriteChunk(ports, { ...chunk, position });
}

type PassEnd =
  | { readonly kind: 'ended' }
  /** Others hold what is left. */
  | { readonly kind: 'waiting' }
  | Exclude<ChunkOutcome, { readonly kind: 'empty' }>;

/** What was passed over because others held it is looked for again, until there is nothing. */
async function endPass(
  ports: MigrationShardPorts,
  chunk: Omit<Chunk, 'position'>,
  waitedMs: number,
): Promise<PassEnd> {
  const { work, standing } = chunk;
  const { operationId, request } = work.run;
  const end = async (): Promise<PassEnd> => {
    const hasEnded = await ports.runs.endShard(operationId, work.shard.shard, standing.chunk);
    return { kind: hasEnded ? 'ended' : 'out-of-turn' };
  };
  if (request.dryRun) return end();
  if (standing.passCount > 0) return startPass(ports, chunk, []);
  const remaining = await ports.files.findRemaining(work, limits.migrationChunkFiles);
  if (remaining.length === 0) return end();
  const isPatient = waitedMs < (ports.busyWaitMs ?? limits.migrationBusyWaitMs);
  const failures = remaining.flatMap((file) => failureOf(work, file, isPatient));
  if (failures.length > 0) return startPass(ports, chunk, failures);
  // Frozen since the run began: the mode of an element is one for all of it.
  if (remaining.every(({ reason }) => reason === 'frozen')) return end();
  return standing.position === null ? startPass(ports, chunk, []) : { kind: 'waiting' };
}

async function startPass(
  ports: MigrationShardPorts,
  chunk: Omit<Chunk, 'position'>,
  failures: readonly OperationFailure[],
): Promise<PassEnd> {
  const outcome = await recordChunk(ports, chunk, {
    rewrites: [],
    failures,
    claimed: [],
    position: chunk.work.shard.fromId,
    isNewPass: true,
  });
  return outcome.kind === 'empty' ? { kind: 'out-of-turn' } : outcome;
}

function failureOf(
  { shard }: ShardWork,
  { fileId, path, reason }: RemainingFile,
  isPatient: boolean,
): readonly OperationFailure[] {
  const file = { key: fileId, fileId, elementId: shard.elementId, path };
  switch (reason) {
    case 'deleted':
      return [{ ...file, code: 'FILE_DELETED', detail: 'The file was deleted since.' }];
    case 'changed':
      return [
        {
          ...file,
          code: 'FILE_CHANGED',
          detail: 'The file was changed after its migration; its change stays.',
        },
      ];
    case 'waiting':
      return isPatient ? [] : [{ ...file, code: busy.code, detail: busy.message }];
    case 'frozen':
      return [];
  }
}
