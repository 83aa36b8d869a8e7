import type { FileId } from '#domain/ids.ts';
import { isUsableLocation } from '#domain/naming/storage-location.ts';
import type { ElementRow } from '#domain/ports/element-rows.ts';
import type { InspectedContent } from '#domain/ports/object-store.ts';
import { chooseFile, type FoundFile, type Standing } from '#domain/rebuild/choose-file.ts';
import type { Finding, JudgedSidecar } from '#domain/rebuild/judge-sidecar.ts';
import type { SeenLocation } from '#domain/reconcile/merge-locations.ts';
import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';

export type SidecarFacts =
  | { readonly kind: 'absent' }
  | ({ readonly kind: 'damaged' } & Finding)
  | { readonly kind: 'readable'; readonly file: FoundFile & { readonly judged: JudgedSidecar } };

export interface LocationFacts {
  readonly seen: SeenLocation;
  readonly mode: StorageMode;
  readonly sidecar: SidecarFacts;
  readonly content: InspectedContent;
  /** Of the sidecar's file id; asked only where no row stands at the location. */
  readonly standing: Standing;
  /** Content without a sidecar that was changed later is on its way, or was until lately. */
  readonly orphanedBeforeMs: number;
}

export interface LocationFinding extends Finding {
  readonly place: 'content' | 'sidecar';
}

export type Verdict =
  | { readonly kind: 'sound' }
  /** Content without a sidecar, within its time of grace. */
  | { readonly kind: 'young' }
  /** Something is not as it is to be, and somebody is at work there. */
  | { readonly kind: 'busy' }
  | {
      readonly kind: 'wrong';
      /** Of the row, or else of the sidecar. */
      readonly fileId: FileId | null;
      readonly findings: readonly LocationFinding[];
    };

/** What the first look sees without reading anything twice. */
export interface FirstLook {
  readonly seen: SeenLocation;
  readonly mode: StorageMode;
  /** SHA-256 of the sidecar's bytes; null: there is none that can be read. */
  readonly sidecarDigest: string | null;
  readonly isSidecarAbsent: boolean;
  readonly content: InspectedContent;
  readonly orphanedBeforeMs: number;
}

/**
 * Sorts out what needs no second look. A sidecar with the digest that its row knows was read when
 * the row was written: only where that found something is it read again.
 */
export function takeFirstLook(look: FirstLook): 'sound' | 'young' | 'doubtful' {
  const { seen, mode, sidecarDigest, isSidecarAbsent, content, orphanedBeforeMs } = look;
  const { row, contentModifiedAtMs } = seen;
  if (seen.isUnnameable || !isUsableLocation(seen)) return 'doubtful';
  if (row === null) {
    const isYoung =
      isSidecarAbsent &&
      content.kind === 'file' &&
      contentModifiedAtMs !== null &&
      contentModifiedAtMs >= orphanedBeforeMs;
    return isYoung ? 'young' : 'doubtful';
  }
  const isContentRight =
    content.kind === 'file' ? content.sizeBytes === row.sizeBytes : isExpectedAway(content, mode);
  return isContentRight && sidecarDigest === row.sidecarDigest && row.state !== 'suspect'
    ? 'sound'
    : 'doubtful';
}

/** What two or more looks, between which nothing has moved, make of a location. */
export function judgeLocation(facts: LocationFacts): Verdict {
  const { seen, standing } = facts;
  if (seen.isUnnameable || !isUsableLocation(seen)) return wrong([unusable], seen.row);
  if (seen.row !== null) {
    const findings = compareWithRow(facts, seen.row);
    if (findings.length === 0) return { kind: 'sound' };
    return seen.row.isHeld ? { kind: 'busy' } : wrong(findings, seen.row);
  }
  if (facts.sidecar.kind === 'damaged') return wrong([onSidecar(facts.sidecar)]);
  if (facts.sidecar.kind === 'readable') return judgeWithoutRow(facts.sidecar.file, standing);
  return judgeLoneContent(facts);
}

function compareWithRow(facts: LocationFacts, row: ElementRow): readonly LocationFinding[] {
  const { sidecar, content, mode } = facts;
  const isContentGone = content.kind !== 'file' && !isExpectedAway(content, mode);
  if (sidecar.kind === 'absent') {
    const detail = isContentGone
      ? 'A row stands in the catalogue, but neither the sidecar nor the content on the element.'
      : 'A row stands in the catalogue, but no sidecar on the element.';
    return [{ place: 'sidecar', code: 'SIDECAR_MISSING', detail }];
  }
  if (sidecar.kind === 'damaged') {
    return [onSidecar(sidecar), ...(isContentGone ? [missingContent] : [])];
  }
  const { file } = sidecar;
  const findings = damageOf(file.judged);
  if (file.sidecarDigest === row.sidecarDigest) return findings;
  // Whoever edits a sidecar by hand leaves the digest that it carries as it was.
  const rest = findings.filter(({ code }) => code !== 'INTEGRITY_MISMATCH');
  return [changed(file, row), ...rest];
}

function judgeWithoutRow(
  file: FoundFile & { readonly judged: JudgedSidecar },
  standing: Standing,
): Verdict {
  const { row, hold } = standing;
  // A deletion that is under way, as opposed to the record of one.
  if (hold === 'tombstone' && row !== null) return { kind: 'busy' };
  switch (chooseFile(file, standing)) {
    case 'add':
      return wrong([rowMissing, ...damageOf(file.judged)], file);
    case 'duplicate':
    case 'tie':
    case 'take-over':
      return wrong([duplicate(row)], file);
    case 'tombstoned':
      return wrong([deleted], file);
    // Its row came while we looked.
    case 'in-flight':
    case 'unchanged':
    case 'replace':
    case 'changed':
      return { kind: 'busy' };
  }
}

function judgeLoneContent({ seen, content, orphanedBeforeMs }: LocationFacts): Verdict {
  if (content.kind === 'absent') return { kind: 'sound' };
  if (content.kind === 'unusable') return wrong([unusable]);
  const { contentModifiedAtMs } = seen;
  const isOld = contentModifiedAtMs !== null && contentModifiedAtMs < orphanedBeforeMs;
  return isOld ? wrong([orphaned]) : { kind: 'young' };
}

/** Where the content lies on cold media only the sidecars remain. */
function isExpectedAway(content: InspectedContent, mode: StorageMode): boolean {
  return content.kind === 'absent' && mode === 'ar';
}

/** That a sidecar is larger than what we write is no damage. */
function damageOf({ findings }: JudgedSidecar): LocationFinding[] {
  return findings
    .filter(({ code }) => code !== 'ATTRIBUTES_TOO_LARGE')
    .map((finding) => ({
      ...finding,
      place: finding.code === 'INTEGRITY_MISMATCH' ? 'sidecar' : 'content',
    }));
}

function wrong(
  findings: readonly LocationFinding[],
  file: { readonly fileId: FileId } | null = null,
): Verdict {
  return { kind: 'wrong', fileId: file?.fileId ?? null, findings };
}

function onSidecar({ code, detail }: Finding): LocationFinding {
  return { place: 'sidecar', code, detail };
}

function changed(file: FoundFile, row: ElementRow): LocationFinding {
  const detail =
    file.fileId === row.fileId
      ? 'The sidecar is not the one that the catalogue knows: it was changed from outside.'
      : `The sidecar is that of another file, ${file.fileId}.`;
  return { place: 'sidecar', code: 'SIDECAR_CHANGED', detail };
}

function duplicate(row: FoundFile | null): LocationFinding {
  const where =
    row === null ? '' : ` on ${row.elementId}: ${row.storagePath}${row.storageFilename}`;
  return {
    place: 'sidecar',
    code: 'DUPLICATE_FILE_ID',
    detail: `The catalogue knows the file of this id in another place${where}`,
  };
}

const missingContent: LocationFinding = {
  place: 'content',
  code: 'CONTENT_MISSING',
  detail: 'The content does not stand beside its sidecar.',
};
const unusable: LocationFinding = {
  place: 'content',
  code: 'LOCATION_UNUSABLE',
  detail: 'What stands here is no file, or has a name or a path that cannot be used.',
};
const orphaned: LocationFinding = {
  place: 'content',
  code: 'CONTENT_ORPHANED',
  detail: 'Content stands here without a sidecar, and nobody is storing it.',
};
const rowMissing: LocationFinding = {
  place: 'sidecar',
  code: 'ROW_MISSING',
  detail: 'A sidecar stands here that the catalogue does not know.',
};
const deleted: LocationFinding = {
  place: 'sidecar',
  code: 'FILE_DELETED',
  detail: 'A sidecar stands here of a file that was deleted.',
};
