import { sleep } from '@temporalio/activity';
import { limits } from '#domain/limits.ts';
import { idAfter } from '#domain/migrations/plan-shards.ts';
import type { MigrationFile } from '#domain/ports/migration-files.ts';
import {
  recordChunk,
  type Chunk,
  type ChunkOutcome,
  type MigrationChunkPorts,
} from './migration-chunk.ts';
import { decideFiles, describeFailure, type Decisions } from './migration-decisions.ts';

const lookPauseMs = 100;

/** A chunk without an effect on any file: only what would become of it is written down. */
export async function previewChunk(
  ports: MigrationChunkPorts,
  chunk: Chunk,
): Promise<ChunkOutcome> {
  const files = await ports.files.peekChunk(chunk.work, chunk.position, chunk.limit);
  const last = files.at(-1);
  if (last === undefined) return { kind: 'empty' };
  const element = await ports.elements.openElement(ports.elementId);
  const decisions = await decideFiles({ ...ports, ...chunk, element }, files);
  const settled = await lookAgain(ports, chunk, { files, decisions });
  return recordChunk(ports, chunk, {
    ...settled,
    claimed: [],
    position: idAfter(last.fileId),
  });
}

/**
 * Nothing is claimed, so a file may change between the look at its row and the look at its sidecar:
 * that is no fault of it. One that is being changed is waited for.
 */
async function lookAgain(
  ports: MigrationChunkPorts,
  chunk: Chunk,
  { files, decisions }: { readonly files: readonly MigrationFile[]; readonly decisions: Decisions },
): Promise<Decisions> {
  const rewrites = [...decisions.rewrites];
  const failures: Decisions['failures'][number][] = [];
  const byId = new Map(files.map((file) => [file.fileId, file]));
  for (const failure of decisions.failures) {
    const file = failure.fileId === null ? undefined : byId.get(failure.fileId);
    if (file === undefined || failure.code !== 'SIDECAR_CHANGED') {
      failures.push(failure);
      continue;
    }
    const again = await decideAgain(ports, chunk, { file, failure });
    rewrites.push(...again.rewrites);
    failures.push(...again.failures);
  }
  return { rewrites, failures };
}

async function decideAgain(
  ports: MigrationChunkPorts,
  chunk: Chunk,
  first: { readonly file: MigrationFile; readonly failure: Decisions['failures'][number] },
): Promise<Decisions> {
  const element = await ports.elements.openElement(ports.elementId);
  let { file, failure } = first;
  for (let waitedMs = 0; ; waitedMs += lookPauseMs) {
    const [latest] = await ports.files.peekChunk(chunk.work, file.fileId, 1);
    // It has left the selection.
    if (latest?.fileId !== file.fileId) return { rewrites: [], failures: [] };
    if (latest.sidecarDigest !== file.sidecarDigest) {
      const decisions = await decideFiles({ ...ports, ...chunk, element }, [latest]);
      const [next] = decisions.failures;
      if (next?.code !== 'SIDECAR_CHANGED') return decisions;
      failure = next;
    } else if (!latest.isHeld) return { rewrites: [], failures: [failure] };
    if (waitedMs >= limits.migrationClaimWaitMs) {
      return { rewrites: [], failures: [describeFailure(chunk.work, latest, busy)] };
    }
    file = latest;
    await sleep(lookPauseMs);
  }
}

export const busy = {
  code: 'FILE_BUSY',
  message: 'Another operation held this file all the time.',
} as const;
