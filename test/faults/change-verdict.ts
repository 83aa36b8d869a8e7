import type { WholeFile } from '#test/support/independent-reader.ts';
import type { SentChange } from './system-changes.ts';
import type { System } from './system-stack.ts';
import type { Findings } from './system-verdict.ts';

/** What the database says of the changes, when all have ended. */
export interface ChangeRecords {
  readonly operations: readonly OperationRow[];
  readonly tombstones: ReadonlyMap<string, TombstoneRow>;
  /** How often the feed tells of it, by type and file. */
  readonly events: ReadonlyMap<string, number>;
}

interface OperationRow {
  readonly operation_id: string;
  readonly kind: string;
  readonly state: string;
  readonly subject_id: string;
}

interface TombstoneRow {
  readonly file_id: string;
  readonly checksum: string;
  readonly operation_id: string;
  readonly sidecar_digest: string;
}

const kinds = { PATCH: 'updateAttributes', DELETE: 'deleteFile' } as const;
const eventTypes = { PATCH: 'file.attributes_changed', DELETE: 'file.deleted' } as const;

/** What is under way, or hangs: claims, tombstones, operations that have not ended. */
export async function findUnended(system: System): Promise<string[]> {
  const rows = await system.query<{ what: string }>(
    `SELECT concat('operation ', operation_id, ' of ', subject_id, ' is ', state) AS what
      FROM operations
      WHERE kind IN ('updateAttributes', 'deleteFile') AND finished_at IS NULL
    UNION ALL
    SELECT concat('file ', file_id, ' is claimed') FROM files
      WHERE claimed_by IS NOT NULL OR claim_operation_id IS NOT NULL
    UNION ALL
    SELECT concat('file ', file_id, ' is hidden') FROM files WHERE tombstoned_at IS NOT NULL`,
  );
  return rows.map(({ what }) => what);
}

export async function findRecords(
  system: System,
  changes: readonly SentChange[],
): Promise<ChangeRecords> {
  const ids = changes.map(({ before }) => before.fileId);
  const operations = await system.query<OperationRow & Record<string, unknown>>(
    'SELECT operation_id, kind, state, subject_id FROM operations WHERE subject_id = ANY($1)',
    [ids],
  );
  const tombstones = await system.query<TombstoneRow & Record<string, unknown>>(
    `SELECT file_id, checksum, operation_id, sidecar_digest FROM tombstones
      WHERE file_id = ANY($1::uuid[])`,
    [ids],
  );
  const events = await system.query<{ name: string; count: number }>(
    `SELECT concat(type, ' ', subject_id) AS name, count(*)::int AS count FROM outbox
      WHERE subject_id = ANY($1) GROUP BY type, subject_id`,
    [ids],
  );
  return {
    operations,
    tombstones: new Map(tombstones.map((row) => [row.file_id, row])),
    events: new Map(events.map(({ name, count }) => [name, count])),
  };
}

/**
 * What is wrong, each in a sentence. `judge` of the documents has compared elements and rows; here
 * each file is held against the last change that was asked of it.
 */
export function judgeChanges(
  findings: Findings,
  records: ChangeRecords,
  changes: readonly SentChange[],
): string[] {
  const whole = new Map(
    [...findings.elements.values()].flatMap((report) =>
      report.whole.map((file) => [file.file_id, file] as const),
    ),
  );
  return changes.flatMap((change) => {
    const file = whole.get(change.before.fileId);
    const faults =
      change.method === 'PATCH'
        ? judgePatch(change, file, records)
        : judgeDelete(change, file, records);
    return faults.map((fault) => `${change.name} (${change.before.fileId}): ${fault}`);
  });
}

function judgePatch(
  change: SentChange,
  file: WholeFile | undefined,
  records: ChangeRecords,
): string[] {
  if (file === undefined) return ['the file is not there, or not whole'];
  const { before, answer } = change;
  const isOld = file.sidecar_sha256 === before.digest;
  const isNew = isChangedAsAsked(change, file);
  const revision = Number(file.sidecar['revision']);
  const done = countDone(change, records);
  const told = records.events.get(`${eventTypes.PATCH} ${before.fileId}`) ?? 0;
  return [
    ...(isOld || isNew ? [] : ['the sidecar is neither the old nor the new one']),
    // Each that has completed counted the revision up; each that has failed did nothing.
    ...(done === revision - 1
      ? []
      : [`${done} operations completed, and the revision is ${revision}`]),
    ...(told === revision - 1 ? [] : [`${told} events, and the revision is ${revision}`]),
    ...judgePatchAnswer(answer, { isNew, digest: file.sidecar_sha256, records }),
  ];
}

function judgePatchAnswer(
  answer: SentChange['answer'],
  seen: {
    readonly isNew: boolean;
    readonly digest: string;
    readonly records: ChangeRecords;
  },
): string[] {
  switch (answer.kind) {
    case 'changed':
      return seen.isNew && answer.digest === seen.digest ? [] : ['acknowledged, and it is lost'];
    case 'accepted': {
      const state = stateOf(answer.operationId, seen.records);
      const isTrue = (state === 'completed') === seen.isNew;
      return isTrue ? [] : [`its operation is ${state}, and the sidecar says otherwise`];
    }
    case 'refused':
      return seen.isNew ? [`refused (${answer.status} ${answer.code}), and it has happened`] : [];
    case 'broken':
      return [];
  }
}

/** Every member as it was, but for the one that was asked for and what counts changes. */
function isChangedAsAsked({ before, version }: SentChange, file: WholeFile): boolean {
  const old = JSON.parse(before.text) as Record<string, unknown>;
  const expected = { ...old, version, revision: Number(old['revision']) + 1 };
  return describeMembers(expected) === describeMembers(file.sidecar);
}

function describeMembers(sidecar: Readonly<Record<string, unknown>>): string {
  const { updated_at: _updatedAt, integrity: _integrity, ...rest } = sidecar;
  return JSON.stringify(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function judgeDelete(
  change: SentChange,
  file: WholeFile | undefined,
  records: ChangeRecords,
): string[] {
  const { before, answer } = change;
  const isGone = file === undefined;
  const tombstone = records.tombstones.get(before.fileId);
  const done = countDone(change, records);
  const told = records.events.get(`${eventTypes.DELETE} ${before.fileId}`) ?? 0;
  const isRecorded =
    tombstone?.sidecar_digest === before.digest &&
    tombstone.checksum === before.sent.document.sha256 &&
    stateOf(tombstone.operation_id, records) === 'completed';
  return [
    ...(isGone || file.sidecar_sha256 === before.digest ? [] : ['another sidecar stands there']),
    ...(isRecorded === isGone ? [] : [`the record of it is ${JSON.stringify(tombstone ?? null)}`]),
    ...(isGone || tombstone === undefined ? [] : ['the file is there and has a tombstone']),
    ...(done === Number(isGone) ? [] : [`${done} operations completed`]),
    ...(told === Number(isGone) ? [] : [`${told} events`]),
    ...judgeDeleteAnswer(answer, { isGone, records }),
  ];
}

function judgeDeleteAnswer(
  answer: SentChange['answer'],
  seen: { readonly isGone: boolean; readonly records: ChangeRecords },
): string[] {
  if (answer.kind === 'changed') return ['a DELETE was answered like a PATCH'];
  if (answer.kind === 'accepted') {
    const state = stateOf(answer.operationId, seen.records);
    return seen.isGone && state === 'completed' ? [] : [`accepted, and its operation is ${state}`];
  }
  // Only 503 leaves open whether it goes on.
  const isRefused = answer.kind === 'refused' && answer.status !== 503;
  return isRefused && seen.isGone ? [`refused (${answer.code}), and the file is gone`] : [];
}

function countDone({ method, before }: SentChange, { operations }: ChangeRecords): number {
  return operations.filter(
    ({ kind, state, subject_id: subject }) =>
      kind === kinds[method] && subject === before.fileId && state === 'completed',
  ).length;
}

function stateOf(operationId: string, { operations }: ChangeRecords): string {
  const found = operations.find(({ operation_id: id }) => id === operationId);
  return found?.state ?? 'unknown to the database';
}

/** What the API says differently from the database, which the elements were held against. */
export async function compareWithApi(
  system: System,
  { findings, records }: { readonly findings: Findings; readonly records: ChangeRecords },
): Promise<string[]> {
  const faults: string[] = [];
  for (const { operation_id: id, state } of records.operations) {
    const response = await system.fetch(`/api/v1/operations/${id}`);
    const shown = ((await response.json()) as { state?: string }).state;
    if (shown !== state) faults.push(`the operation ${id} is ${state} and shown as ${shown}`);
  }
  const subjects = new Set(records.operations.map(({ subject_id: id }) => id));
  const digests = new Map(findings.rows.map((row) => [row.file_id, row.sidecar_digest]));
  for (const id of subjects) {
    const response = await system.fetch(`/api/v1/files/${id}`);
    const etag = response.headers.get('etag');
    await response.body?.cancel();
    const digest = digests.get(id);
    const isRight = digest === undefined ? response.status === 410 : etag === `"${digest}"`;
    if (!isRight) faults.push(`${id} is answered with ${response.status} and ${etag}`);
  }
  return faults;
}
