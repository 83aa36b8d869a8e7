import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, open, rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DomainError } from '#domain/errors.ts';
import { isElementId, type ElementId } from '#domain/ids.ts';
import { parseInstant, type Instant } from '#domain/instant.ts';
import { makeDirectories, syncDirectory } from './durable-directories.ts';
import { errnoOf, isAbsent, translateFilesystemError } from './filesystem-fault.ts';
import { writeSmallFile } from './staged-file-writer.ts';

/** What `<root>/.artstore/element.json` says: whose directory this is. */
export interface ElementMarker {
  readonly elementId: ElementId;
  readonly createdAt: Instant;
}

const markerCapBytes = 4096;

function systemDirectory(root: string): string {
  return join(root, '.artstore');
}

export function stagingDirectory(root: string): string {
  return join(root, '.artstore', 'staging');
}

export function quarantineDirectory(root: string): string {
  return join(root, '.artstore', 'quarantine');
}

/**
 * Makes the directory an element's: `.artstore/` with its marker, `staging/` and `quarantine/`.
 * Durable when it resolves; the same element again is fine and keeps the first `createdAt`.
 * @throws ELEMENT_UNAVAILABLE when the directory belongs to another element, or cannot be written.
 */
export async function registerElementDirectory(
  root: string,
  elementId: ElementId,
  createdAt: Instant,
): Promise<void> {
  try {
    await makeDirectories(stagingDirectory(root));
    await makeDirectories(quarantineDirectory(root));
    if ((await readElementMarker(root)) === null) await writeMarker(root, { elementId, createdAt });
    // Also when it stood there already: the run that wrote it may have died before its fsync.
    await syncDirectory(systemDirectory(root));
    await syncDirectory(root);
    await syncDirectory(dirname(root));
  } catch (error) {
    throw translateFilesystemError(error);
  }
  const marker = await readElementMarker(root);
  if (marker?.elementId !== elementId) {
    throw new DomainError(
      'ELEMENT_UNAVAILABLE',
      'The directory belongs to another storage element.',
    );
  }
}

/**
 * Takes back what `registerElementDirectory` made, while nothing but it stands there. A directory
 * that is not this element's is left alone.
 */
export async function releaseElementDirectory(root: string, elementId: ElementId): Promise<void> {
  if ((await readElementMarker(root))?.elementId !== elementId) return;
  try {
    await unlink(markerPath(root));
    for (const emptied of [
      stagingDirectory(root),
      quarantineDirectory(root),
      systemDirectory(root),
    ]) {
      await removeUnlessUsed(emptied);
    }
    await syncDirectory(root);
  } catch (error) {
    throw translateFilesystemError(error);
  }
}

async function removeUnlessUsed(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch (error) {
    if (!isAbsent(error) && errnoOf(error) !== 'ENOTEMPTY') throw error;
  }
}

/** A link, not a rename: of two registrations at once the second must not replace the first. */
async function writeMarker(root: string, marker: ElementMarker): Promise<void> {
  const path = markerPath(root);
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  const text = JSON.stringify({ element_id: marker.elementId, created_at: marker.createdAt });
  try {
    await writeSmallFile(temporary, Buffer.from(`${text}\n`));
    await linkUnlessThere(temporary, path);
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

async function linkUnlessThere(existing: string, path: string): Promise<void> {
  try {
    await link(existing, path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

/**
 * @returns null when the directory has no marker (also when it is not there at all).
 * @throws ELEMENT_UNAVAILABLE when the marker cannot be read or is not one.
 */
export async function readElementMarker(root: string): Promise<ElementMarker | null> {
  const text = await readMarkerText(root);
  return text === null ? null : parseMarker(text);
}

async function readMarkerText(root: string): Promise<string | null> {
  try {
    const handle = await open(markerPath(root), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(markerCapBytes), 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isAbsent(error)) return null;
    throw translateFilesystemError(error);
  }
}

function parseMarker(text: string): ElementMarker {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw malformedMarker(error);
  }
  if (typeof document !== 'object' || document === null) throw malformedMarker();
  const { element_id: elementId, created_at: createdAt } = document as Record<string, unknown>;
  const instant = typeof createdAt === 'string' ? parseInstant(createdAt) : null;
  if (typeof elementId !== 'string' || !isElementId(elementId) || instant === null) {
    throw malformedMarker();
  }
  return { elementId, createdAt: instant };
}

function malformedMarker(cause?: unknown): DomainError {
  return new DomainError('ELEMENT_UNAVAILABLE', 'The marker of the storage element is damaged.', {
    cause,
  });
}

function markerPath(root: string): string {
  return join(systemDirectory(root), 'element.json');
}
