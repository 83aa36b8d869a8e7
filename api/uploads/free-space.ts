import type { ElementId } from '#domain/ids.ts';
import type { ElementAccess } from '#domain/ports/object-store.ts';
import type { StorageElementRegistry } from '#domain/ports/storage-element-registry.ts';
import { isServed } from '#domain/storage-elements.ts';

const freshMs = 1_000;

export interface FreeSpace {
  /** What the file systems of elements in use have free; one that does not answer is not in it. */
  current(): Promise<ReadonlyMap<ElementId, number>>;
}

/** Asked for every upload, looked up once a second. */
export function createFreeSpace(
  registry: StorageElementRegistry,
  access: ElementAccess,
): FreeSpace {
  let known: ReadonlyMap<ElementId, number> | null = null;
  let knownAtMs = 0;
  let refreshing: Promise<ReadonlyMap<ElementId, number>> | null = null;

  async function refresh(): Promise<ReadonlyMap<ElementId, number>> {
    const free = new Map<ElementId, number>();
    // What is out of use is not touched: its disk may hang.
    const elements = (await registry.listElements()).filter(isServed);
    await Promise.all(
      elements.map(async ({ elementId }) => {
        try {
          free.set(elementId, await (await access.openElement(elementId)).freeBytes());
        } catch {
          // Of an element that does not answer only its capacity counts; staging says the rest.
        }
      }),
    );
    known = free;
    knownAtMs = Date.now();
    return free;
  }

  return {
    async current() {
      if (known !== null && Date.now() - knownAtMs < freshMs) return known;
      refreshing ??= refresh().finally(() => {
        refreshing = null;
      });
      return refreshing;
    },
  };
}
