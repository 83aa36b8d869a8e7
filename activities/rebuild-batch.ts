import type { AttributesCodec, ParsedSidecar } from '#domain/attributes/attributes-codec.ts';
import { extensionsOf } from '#domain/attributes/extensions.ts';
import { compareUtf8 } from '#domain/byte-order.ts';
import { isDomainError, type DomainError } from '#domain/errors.ts';
import type { ElementId, FileId } from '#domain/ids.ts';
import { sidecarSuffix } from '#domain/naming/storage-name.ts';
import type { FoundStanding, RowToWrite } from '#domain/ports/catalogue-rebuild.ts';
import type {
  ElementPosition,
  InspectedFile,
  StorageLocation,
} from '#domain/ports/object-store.ts';
import type { OperationFailure } from '#domain/ports/operation-failures.ts';
import {
  isSamePlace,
  type Decision,
  type FilePlace,
  type FileRank,
  type FoundFile,
  type Standing,
} from '#domain/rebuild/choose-file.ts';
import { judgeSidecar, type Finding, type JudgedSidecar } from '#domain/rebuild/judge-sidecar.ts';
import type { BatchPlan, PlannedRow } from '#domain/rebuild/plan-batch.ts';
import type { RebuildTally } from '#domain/rebuild/rebuild-run.ts';
import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';

/** A sidecar that can be read, with everything that its row needs. */
export interface ReadFile extends FoundFile {
  readonly parsed: ParsedSidecar;
  readonly judged: JudgedSidecar;
}

/** A place where a sidecar stands that cannot be taken. */
export interface Refusal extends Finding {
  readonly location: StorageLocation;
  readonly kind: 'unreadable' | 'unusable';
}

/** Where what is said of a sidecar is put down. */
export interface Report {
  readonly elementId: ElementId;
  readonly tally: RebuildTally;
  readonly failures: OperationFailure[];
}

/** Above this a key does not fit into its index; the end of a path tells more than its beginning. */
const keyPathChars = 600;
const faultsShown = 10;

interface ReadParts {
  readonly elementId: ElementId;
  readonly mode: StorageMode;
  readonly codec: Pick<AttributesCodec, 'parseSidecar'>;
}

/** @returns null when the sidecar went since it was seen. */
export function readFile(
  { elementId, mode, codec }: ReadParts,
  location: StorageLocation,
  { sidecar, content }: InspectedFile,
): ReadFile | Refusal | null {
  if (sidecar.kind === 'absent') return null;
  if (sidecar.kind === 'unusable') return unusable(location);
  if (sidecar.kind === 'too-large') {
    const detail = `The sidecar takes ${sidecar.sizeBytes} bytes: it is not read.`;
    return { location, kind: 'unreadable', code: 'ATTRIBUTES_TOO_LARGE', detail };
  }
  try {
    const parsed = codec.parseSidecar(sidecar.bytes, location);
    return {
      elementId,
      storagePath: location.storagePath,
      storageFilename: location.storageFilename,
      fileId: parsed.attributes.file_id as FileId,
      sidecarDigest: parsed.digest,
      ...rankOf(parsed.attributes),
      parsed,
      judged: judgeSidecar(parsed, content, mode),
    };
  } catch (error) {
    if (!isDomainError(error)) throw error;
    return { location, kind: 'unreadable', code: error.code, detail: explain(error) };
  }
}

export function unusable(location: StorageLocation): Refusal {
  const detail = 'What stands here is no file, or has a name or a path that cannot be used.';
  return { location, kind: 'unusable', code: 'LOCATION_UNUSABLE', detail };
}

export function isRefusal(read: ReadFile | Refusal): read is Refusal {
  return 'code' in read;
}

function rankOf(attributes: ParsedSidecar['attributes']): FileRank {
  const { revision, retention } = extensionsOf(attributes);
  return { revision: revision ?? 1, finalizedAt: retention?.finalized_at ?? null };
}

function explain(error: DomainError): string {
  const faults = error.details.faults ?? [];
  const shown = faults.slice(0, faultsShown).map(({ pointer, message }) => `${pointer} ${message}`);
  return [error.message, ...shown].join(' ');
}

/** The row that stands is ranked by its own attributes: they were taken from its sidecar. */
export function standingOf(
  { row, hold }: FoundStanding,
  codec: Pick<AttributesCodec, 'parseAttributes'>,
): Standing {
  if (row === null) return { row, hold };
  const { attributes, ...rest } = row;
  const finalizedAt =
    attributes === null ? null : rankOf(codec.parseAttributes(attributes)).finalizedAt;
  return { row: { ...rest, finalizedAt }, hold };
}

export function rowToWrite(
  { found, expectedDigest }: PlannedRow<ReadFile>,
  codec: Pick<AttributesCodec, 'encodeForCatalogue'>,
): RowToWrite {
  const { attributes } = found.parsed;
  return {
    fileId: found.fileId,
    storagePath: found.storagePath,
    storageFilename: found.storageFilename,
    attributes,
    text: codec.encodeForCatalogue(attributes),
    sidecarDigest: found.sidecarDigest,
    schemaVersion: found.parsed.sourceVersion,
    state: found.judged.state,
    expectedDigest,
  };
}

export function reportRefusal(report: Report, refusal: Refusal): void {
  const { tally } = report;
  tally.count(refusal.kind);
  tally.failed();
  const path = `${refusal.location.storagePath}${refusal.location.storageFilename}`;
  fail(report, { path: path + sidecarSuffix, fileId: null }, refusal);
}

/** Links and the like stand here with their own names. */
export function reportOddEntry(report: Report, path: string): void {
  report.tally.count('unusable');
  report.tally.failed();
  fail(report, { path, fileId: null }, unusable({ storagePath: '', storageFilename: path }));
}

/** @param position up to which the walk has come with this batch */
export function reportPlan(
  report: Report,
  plan: BatchPlan<ReadFile>,
  position: ElementPosition,
): void {
  for (const { found, decision } of plan.outcomes) reportFile(report, found, decision);
  for (const place of plan.outranked) {
    fail(report, subjectOf(place), outranked);
    // One that the walk comes to, or came to in this batch, is counted there.
    const isCounted =
      place.elementId === report.elementId &&
      (isAhead(place, position) || plan.outcomes.some(({ found }) => isSamePlace(found, place)));
    if (!isCounted) report.tally.count('duplicates');
  }
}

const outranked: Finding = {
  code: 'DUPLICATE_FILE_ID',
  detail: 'Another sidecar with this file id has a higher revision, or was finalised later.',
};
const tied: Finding = {
  code: 'DUPLICATE_FILE_ID',
  detail:
    'Another sidecar with this file id has the same revision; the one in the catalogue stays.',
};
const changed: Finding = {
  code: 'SIDECAR_CHANGED',
  detail:
    'The sidecar is not the one that the catalogue knows, and its revision is not higher: ' +
    'it was changed from outside.',
};

function reportFile(report: Report, found: ReadFile, decision: Decision): void {
  const { tally } = report;
  tally.dialect(found.parsed.dialect);
  switch (decision) {
    case 'add':
      return reportTaken(report, found, 'added');
    case 'replace':
    case 'take-over':
      return reportTaken(report, found, 'updated');
    case 'unchanged':
      return reportTaken(report, found, 'unchanged');
    case 'in-flight':
      tally.count('in_flight');
      return tally.skipped();
    case 'tombstoned':
      tally.count('tombstoned');
      return tally.skipped();
    case 'changed':
      tally.count('changed');
      tally.failed();
      return fail(report, subjectOf(found), changed);
    case 'duplicate':
    case 'tie':
      tally.count('duplicates');
      tally.failed();
      return fail(report, subjectOf(found), decision === 'tie' ? tied : outranked);
  }
}

function reportTaken(
  report: Report,
  found: ReadFile,
  name: 'added' | 'updated' | 'unchanged',
): void {
  const { tally } = report;
  const { state, findings } = found.judged;
  tally.count(name);
  tally.done();
  if (state === 'suspect' || state === 'missing') tally.count(state);
  for (const finding of findings) {
    if (finding.code === 'ATTRIBUTES_TOO_LARGE') tally.count('oversized');
    fail(report, subjectOf(found), finding);
  }
}

interface Subject {
  readonly fileId: FileId | null;
  /** Of the sidecar. */
  readonly path: string;
  readonly elementId?: ElementId;
}

function subjectOf(place: FilePlace): Subject {
  const { fileId, elementId, storagePath, storageFilename } = place;
  return { fileId, elementId, path: `${storagePath}${storageFilename}${sidecarSuffix}` };
}

function fail(report: Report, subject: Subject, { code, detail }: Finding): void {
  const { fileId, path, elementId = report.elementId } = subject;
  const end = path.slice(-keyPathChars);
  report.failures.push({
    // A file may have several findings, and of two with one id each has its own.
    key: elementId === report.elementId ? `${code} ${end}` : `${code} ${elementId}:${end}`,
    fileId,
    elementId,
    path,
    code,
    detail,
  });
}

function isAhead({ storagePath, storageFilename }: StorageLocation, position: ElementPosition) {
  const order = compareUtf8(storagePath, position.storagePath);
  if (order !== 0) return order > 0;
  return compareUtf8(storageFilename + sidecarSuffix, position.name) > 0;
}
