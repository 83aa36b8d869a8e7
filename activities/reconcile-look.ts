import type { ElementId } from '#domain/ids.ts';
import { isUsableLocation } from '#domain/naming/storage-location.ts';
import type { CatalogueRebuild } from '#domain/ports/catalogue-rebuild.ts';
import type { ElementRow, ElementRows, LocationRecord } from '#domain/ports/element-rows.ts';
import type { ElementListing, InspectedFile, StorageLocation } from '#domain/ports/object-store.ts';
import type { Standing } from '#domain/rebuild/choose-file.ts';
import {
  judgeLocation,
  type LocationFinding,
  type SidecarFacts,
  type Verdict,
} from '#domain/reconcile/judge-location.ts';
import type { SeenLocation } from '#domain/reconcile/merge-locations.ts';
import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';
import type { AttributesCodec } from '#domain/attributes/attributes-codec.ts';
import { isRefusal, readFile, standingOf, type ReadFile } from './rebuild-batch.ts';

/** Everything that a look at an element and its rows needs. */
export interface Looking {
  readonly elementId: ElementId;
  readonly element: Pick<ElementListing, 'inspectFiles'>;
  readonly mode: StorageMode;
  readonly rows: Pick<ElementRows, 'findRecords'>;
  readonly rebuild: Pick<CatalogueRebuild, 'findStandings'>;
  readonly codec: Pick<AttributesCodec, 'parseSidecar' | 'parseAttributes'>;
  readonly orphanedBeforeMs: number;
  readonly signal: AbortSignal;
}

export interface LookedAt {
  readonly seen: SeenLocation;
  readonly verdict: Verdict;
  /** As it is now. */
  readonly row: ElementRow | null;
  /** Null: no sidecar stands there that can be read. */
  readonly file: ReadFile | null;
  /** Of the sidecar's file, where the location has no row. */
  readonly standing: Standing;
}

const nothingKnown: Standing = { row: null, hold: null };

/**
 * The catalogue is asked before the element is looked at, and again after it. Whoever changes a
 * file of ours claims its row, or has an upload under way to this place, before he touches the
 * element, and writes the row when he is done: so where both answers are the same, free, and of
 * one version of the row, nobody of us has changed anything in between. Everything else is `busy`.
 */
export async function lookClosely(
  looking: Looking,
  locations: readonly SeenLocation[],
): Promise<readonly LookedAt[]> {
  const { rows, elementId, element, signal } = looking;
  const visible = locations.filter((seen) => !seen.isUnnameable && isUsableLocation(seen));
  const before = await rows.findRecords(elementId, visible);
  const inspected = await element.inspectFiles(visible, { signal });
  const sidecars = visible.map((seen, index) =>
    readSidecar(looking, seen, answerTo(inspected, index)),
  );
  const standings = await findStandings(looking, sidecars, before);
  const after = await rows.findRecords(elementId, visible);
  return locations.map((seen) => {
    const index = visible.indexOf(seen);
    if (index === -1) return withoutLooking(looking, seen);
    const first = answerTo(before, index);
    const { sidecar, file } = answerTo(sidecars, index);
    const standing = (file && standings.get(file)) ?? nothingKnown;
    const verdict = judgeLocation({
      seen: { ...seen, row: first.row },
      mode: looking.mode,
      sidecar,
      content: answerTo(inspected, index).content,
      standing,
      orphanedBeforeMs: looking.orphanedBeforeMs,
    });
    const isQuiet = isSameAndFree(first, answerTo(after, index));
    const isBusy = verdict.kind === 'wrong' && !isQuiet;
    return { seen, verdict: isBusy ? { kind: 'busy' } : verdict, row: first.row, file, standing };
  });
}

/**
 * Twice, with a pause in between: also a network file system that shows what was there a moment
 * ago, and somebody who is just putting files there by hand, are no findings.
 */
export async function lookTwice(
  looking: Looking,
  locations: readonly SeenLocation[],
  pause: () => Promise<void>,
): Promise<readonly Verdict[]> {
  if (locations.length === 0) return [];
  const looked = await lookClosely(looking, locations);
  const doubtful = looked.filter(({ verdict }) => verdict.kind === 'wrong');
  if (doubtful.length === 0) return looked.map(({ verdict }) => verdict);
  await pause();
  const again = await lookClosely(
    looking,
    doubtful.map(({ seen }) => seen),
  );
  const second = new Map(again.map(({ seen, verdict }) => [seen, verdict]));
  return looked.map(({ seen, verdict }) => {
    const later = second.get(seen);
    return later === undefined ? verdict : findBoth(verdict, later);
  });
}

/** Only what was found both times. */
function findBoth(first: Verdict, later: Verdict): Verdict {
  if (first.kind !== 'wrong' || later.kind !== 'wrong') return later;
  const findings = later.findings.filter((finding) =>
    first.findings.some((other) => isSameFinding(finding, other)),
  );
  return findings.length === 0 ? { kind: 'busy' } : { ...later, findings };
}

function isSameFinding(left: LocationFinding, right: LocationFinding): boolean {
  return left.code === right.code && left.place === right.place;
}

function withoutLooking({ mode, orphanedBeforeMs }: Looking, seen: SeenLocation): LookedAt {
  const verdict = judgeLocation({
    seen,
    mode,
    sidecar: { kind: 'absent' },
    content: { kind: 'unusable' },
    standing: nothingKnown,
    orphanedBeforeMs,
  });
  return { seen, verdict, row: seen.row, file: null, standing: nothingKnown };
}

interface ReadSidecar {
  readonly sidecar: SidecarFacts;
  readonly file: ReadFile | null;
}

function readSidecar(
  looking: Looking,
  location: StorageLocation,
  inspected: InspectedFile,
): ReadSidecar {
  const { sidecar } = inspected;
  if (sidecar.kind === 'unusable') return damaged('What stands in its place is no file.');
  if (sidecar.kind === 'too-large') {
    return damaged(`It takes ${sidecar.sizeBytes} bytes, and is not read.`);
  }
  const read = readFile(looking, location, inspected);
  if (read === null) return { sidecar: { kind: 'absent' }, file: null };
  if (!isRefusal(read)) return { sidecar: { kind: 'readable', file: read }, file: read };
  const { code, detail } = read;
  return { sidecar: { kind: 'damaged', code, detail }, file: null };
}

function damaged(what: string): ReadSidecar {
  const detail = `The sidecar is damaged. ${what}`;
  return { sidecar: { kind: 'damaged', code: 'SIDECAR_CORRUPT', detail }, file: null };
}

async function findStandings(
  { rebuild, elementId, codec }: Looking,
  sidecars: readonly ReadSidecar[],
  records: readonly LocationRecord[],
): Promise<ReadonlyMap<ReadFile, Standing>> {
  const files = sidecars.flatMap(({ file }, index) =>
    file === null || answerTo(records, index).row !== null ? [] : [file],
  );
  if (files.length === 0) return new Map();
  const found = await rebuild.findStandings(elementId, files);
  const byId = new Map(
    // Two files of one id ask twice: the answer with attributes knows more.
    found
      .toSorted((a, b) => Number(hasAttributes(a.row)) - Number(hasAttributes(b.row)))
      .map((standing) => [standing.fileId, standingOf(standing, codec)]),
  );
  return new Map(files.map((file) => [file, byId.get(file.fileId) ?? nothingKnown]));
}

function hasAttributes(row: { readonly attributes: string | null } | null): boolean {
  return row !== null && row.attributes !== null;
}

function isSameAndFree(before: LocationRecord, after: LocationRecord): boolean {
  const isFree = (record: LocationRecord): boolean =>
    !record.isInFlight && record.row?.isHeld !== true;
  return (
    isFree(before) &&
    isFree(after) &&
    before.row?.fileId === after.row?.fileId &&
    before.row?.version === after.row?.version
  );
}

/** Ports that answer for each location do so in their order. */
function answerTo<Answer>(answers: readonly Answer[], index: number): Answer {
  const answer = answers[index];
  if (answer === undefined) throw new RangeError('a location got no answer');
  return answer;
}
