import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ElementId } from '#domain/ids.ts';
import { sweepElementId } from '#workflows/messages.ts';
import { elementIds, type System } from './system-stack.ts';
import { findCounters } from './system-verdict.ts';
import { waitUntil } from './system-wait.ts';

const pauseMs = 500;

/** Lets the elements be swept, without waiting for the schedule's next time, until it is true. */
export async function sweepUntil(
  system: System,
  what: string,
  isTrue: () => Promise<boolean>,
): Promise<void> {
  await waitUntil(what, async () => {
    if (await isTrue()) return true;
    await system.withTemporal(async (client) => {
      for (const id of elementIds) {
        await client.schedule.getHandle(sweepElementId(id as ElementId)).trigger();
      }
    });
    await delay(pauseMs);
    return false;
  });
}

export async function sweepUntilNothingIsLeft(system: System): Promise<void> {
  await sweepUntil(system, 'every upload is finished and staging is empty', async () => {
    const counters = await findCounters(system);
    const isFree = counters.every(
      (row) => Number(row.reserved_bytes) === 0 && Number(row.unfinished) === 0,
    );
    return isFree && (await listStaged(system)).length === 0;
  });
}

export async function listStaged(system: System): Promise<string[]> {
  const names = await Promise.all(
    elementIds.map((id) => readdir(join(system.rootOf(id), '.artstore', 'staging'))),
  );
  return names.flat();
}
