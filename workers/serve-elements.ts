import { setTimeout as sleep } from 'node:timers/promises';
import type { ElementId } from '#domain/ids.ts';
import type { StorageElementRegistry } from '#domain/ports/storage-element-registry.ts';
import { isServed } from '#domain/storage-elements.ts';

export interface ServeElementsOptions {
  readonly registry: Pick<StorageElementRegistry, 'listElements'>;
  /** Null: every element that is online. Otherwise only those of them. */
  readonly only: readonly ElementId[] | null;
  /** Serves one element until its signal is aborted, and ends what it has begun before it resolves. */
  readonly serveElement: (element: ServedElement) => Promise<void>;
  /** Called once, when every element of the first look is served. */
  readonly onReady: () => void;
  /** The registry does not answer: what is served goes on being served. */
  readonly onFailure: (error: unknown) => void;
  readonly signal: AbortSignal;
  readonly lookEveryMs?: number;
}

export interface ServedElement {
  readonly elementId: ElementId;
  readonly signal: AbortSignal;
  /** To be called each time the element's tasks are taken from now on. */
  readonly onServing: () => void;
}

const lookEveryMs = 2_000;

/**
 * Serves what is registered and online, whatever comes or goes meanwhile. An element that comes
 * back is served again only after its earlier service has ended. Resolves when `signal` is
 * aborted and all services have ended; rejects when one fails.
 */
export async function serveElements(options: ServeElementsOptions): Promise<void> {
  const { signal } = options;
  const services = new Map<ElementId, Service>();
  const readiness = createReadiness(options.onReady);
  const { promise: broken, reject: breakOff } = Promise.withResolvers<never>();
  const pause = options.lookEveryMs ?? lookEveryMs;

  function begin(elementId: ElementId): void {
    const stop = new AbortController();
    const element = {
      elementId,
      signal: AbortSignal.any([signal, stop.signal]),
      onServing: () => readiness.remove(elementId),
    };
    const ended = options
      .serveElement(element)
      .catch(breakOff)
      .finally(() => {
        services.delete(elementId);
        readiness.remove(elementId);
      });
    services.set(elementId, { stop, ended });
  }

  while (!signal.aborted) {
    const wanted = await findWanted(options);
    if (wanted !== null) {
      readiness.expect(wanted);
      for (const [elementId, { stop }] of services) if (!wanted.has(elementId)) stop.abort();
      for (const elementId of wanted) if (!services.has(elementId)) begin(elementId);
    }
    await Promise.race([broken, sleep(pause, undefined, { signal }).catch(() => undefined)]);
  }
  await Promise.race([broken, Promise.all([...services.values()].map(({ ended }) => ended))]);
}

interface Service {
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/** @returns null when nobody knows at the moment. */
async function findWanted({
  registry,
  only,
  onFailure,
}: ServeElementsOptions): Promise<ReadonlySet<ElementId> | null> {
  try {
    const elements = await registry.listElements();
    return new Set(
      elements
        .filter((element) => isServed(element) && only?.includes(element.elementId) !== false)
        .map(({ elementId }) => elementId),
    );
  } catch (error) {
    onFailure(error);
    return null;
  }
}

/** Of the first look; what comes later is not waited for. */
function createReadiness(onReady: () => void) {
  let waiting: Set<ElementId> | null = null;
  let isReady = false;

  function check(): void {
    if (isReady || waiting === null || waiting.size > 0) return;
    isReady = true;
    onReady();
  }

  return {
    expect(elementIds: ReadonlySet<ElementId>): void {
      waiting ??= new Set(elementIds);
      check();
    },
    remove(elementId: ElementId): void {
      waiting?.delete(elementId);
      check();
    },
  };
}
