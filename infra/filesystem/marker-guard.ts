import { DomainError } from '#domain/errors.ts';
import type { ElementId } from '#domain/ids.ts';
import { readElementMarker } from './element-marker.ts';

/** Keeps everybody away from a directory that is not, or no longer, the element's. */
export interface MarkerGuard {
  /** Reads the marker now. @throws ELEMENT_UNAVAILABLE */
  check(): Promise<void>;
  /** Relies on a check that is younger than the interval. @throws ELEMENT_UNAVAILABLE */
  requireForRead(): Promise<void>;
  /** The same, but the first write of all never relies on an earlier check. */
  requireForWrite(): Promise<void>;
  /** Something went wrong: the next caller is not to rely on an earlier check. */
  doubt(): void;
}

export function createMarkerGuard(options: {
  readonly root: string;
  readonly elementId: ElementId;
  readonly intervalMs: number;
}): MarkerGuard {
  let trustedUntilMs = Number.NEGATIVE_INFINITY;
  let isWriting = false;
  let underWay: Promise<void> | null = null;

  async function readMarker(): Promise<void> {
    const startedMs = performance.now();
    trustedUntilMs = Number.NEGATIVE_INFINITY;
    const marker = await readElementMarker(options.root);
    if (marker === null) {
      throw new DomainError(
        'ELEMENT_UNAVAILABLE',
        'The marker of the storage element is not there.',
      );
    }
    if (marker.elementId !== options.elementId) {
      throw new DomainError(
        'ELEMENT_UNAVAILABLE',
        'The marker in the place of the storage element names another one.',
      );
    }
    trustedUntilMs = startedMs + options.intervalMs;
  }

  async function requireRecent(): Promise<void> {
    if (performance.now() < trustedUntilMs) return;
    underWay ??= readMarker().finally(() => {
      underWay = null;
    });
    await underWay;
  }

  return {
    check: readMarker,
    requireForRead: requireRecent,
    async requireForWrite() {
      if (!isWriting) {
        await readMarker();
        isWriting = true;
      }
      await requireRecent();
    },
    doubt() {
      trustedUntilMs = Number.NEGATIVE_INFINITY;
    },
  };
}
