import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { ElementId } from '#domain/ids.ts';
import { ensureElementSchedules } from './declaration-application.ts';
import type { TemporalDeclaration } from './declaration.ts';

export interface ElementSchedulesOptions {
  readonly declaration: Pick<TemporalDeclaration, 'schedules'>;
  readonly elementId: ElementId;
  readonly signal: AbortSignal;
  readonly onFailure: (error: unknown) => void;
}

const retryMs = 1_000;
const callTimeoutMs = 10_000;

/** For whoever begins to serve an element: it may be newer than the last start of the system. */
export async function openElementSchedules(
  client: Client,
  { declaration, elementId, signal, onFailure }: ElementSchedulesOptions,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await client.withDeadline(Date.now() + callTimeoutMs, () =>
        ensureElementSchedules(client, declaration, elementId),
      );
      return;
    } catch (error) {
      if (signal.aborted) return;
      onFailure(error);
    }
    await sleep(retryMs, undefined, { signal }).catch(() => undefined);
  }
}
