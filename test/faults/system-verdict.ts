import { readFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import {
  readElement,
  type ElementReport,
  type WholeFile,
} from '#test/support/independent-reader.ts';
import { elementIds, type System } from './system-stack.ts';
import type { Sent } from './system-uploads.ts';
import { waitUntil } from './system-wait.ts';

/** Everything that there is: on the elements, as somebody else reads them, and in the database. */
export interface Findings {
  readonly elements: ReadonlyMap<string, ElementReport>;
  readonly rows: readonly FileRow[];
  readonly counters: readonly Counters[];
}

interface FileRow {
  readonly file_id: string;
  readonly element_id: string;
  readonly path: string;
  readonly file_size: string;
  readonly sidecar_digest: string;
  readonly state: string;
}

interface Counters {
  readonly element_id: string;
  readonly used_bytes: string;
  readonly reserved_bytes: string;
  /** Sum over the uploads that are not finished. */
  readonly held_bytes: string;
  readonly unfinished: string;
}

/** Waits for a moment in which no group is under way, nor comes under way while it looks. */
export function inspect(system: System): Promise<Findings> {
  return waitUntil('nothing changes while everything is looked at', async () => {
    const before = await findLastChange(system);
    const elements = new Map<string, ElementReport>();
    for (const id of elementIds) elements.set(id, await readElement(system.rootOf(id)));
    const rows = await system.query<FileRow & Record<string, unknown>>(
      `SELECT file_id, element_id, storage_path || storage_filename AS path, file_size,
          sidecar_digest, state
        FROM files ORDER BY file_id`,
    );
    const findings = { elements, rows, counters: await findCounters(system) };
    return before !== null && before === (await findLastChange(system)) && findings;
  });
}

/** Every step of a group changes its uploads. @returns null while a group is under way. */
async function findLastChange(system: System): Promise<string | null> {
  const [row] = await system.query<{ change: string; is_committing: boolean | null }>(
    `SELECT concat(count(*), ' ', max(updated_at)) AS change,
        bool_or(state = 'committing') AS is_committing
      FROM uploads`,
  );
  return row === undefined || row.is_committing === true ? null : row.change;
}

export function findCounters(system: System): Promise<(Counters & Record<string, unknown>)[]> {
  return system.query(
    `SELECT e.element_id, e.used_bytes, e.reserved_bytes,
        coalesce(sum(u.reserved_bytes), 0) AS held_bytes, count(u.file_id) AS unfinished
      FROM storage_elements e
      LEFT JOIN uploads u ON u.element_id = e.element_id AND u.finished_at IS NULL
      GROUP BY e.element_id ORDER BY e.element_id`,
  );
}

/**
 * What is wrong, each in a sentence; empty: every acknowledged document is whole, every other is
 * whole or absent, once per key, and the books are right.
 */
export async function judge(findings: Findings, sent: readonly Sent[]): Promise<string[]> {
  const isValid = await compileSchema();
  const faults: string[] = [];
  const whole = new Map<string, WholeFile & { elementId: string }>();
  const byMarker = new Map<string, WholeFile[]>();
  for (const [elementId, report] of findings.elements) {
    faults.push(...report.damaged.map(({ path, reason }) => `${path} is damaged: ${reason}`));
    faults.push(...report.sidecar_without_content.map((path) => `${path} has no content`));
    faults.push(...report.content_without_sidecar.map((path) => `${path} has no sidecar`));
    faults.push(...report.temporary.map((path) => `${path} was left in the visible tree`));
    for (const file of report.whole) {
      if (!isValid(file.sidecar)) faults.push(`${file.path} has a sidecar that is not valid`);
      if (whole.has(file.file_id)) faults.push(`${file.file_id} exists twice`);
      whole.set(file.file_id, { ...file, elementId });
      const marker = String(file.sidecar['description']);
      byMarker.set(marker, [...(byMarker.get(marker) ?? []), file]);
    }
  }
  faults.push(...compareRows(findings.rows, whole));
  for (const one of sent) faults.push(...judgeSent(one, byMarker.get(one.document.marker) ?? []));
  faults.push(...judgeCounters(findings));
  return faults;
}

function compareRows(
  rows: readonly FileRow[],
  whole: ReadonlyMap<string, WholeFile & { elementId: string }>,
): string[] {
  const faults: string[] = [];
  const known = new Set(rows.map(({ file_id: id }) => id));
  for (const id of whole.keys()) if (!known.has(id)) faults.push(`${id} has no row`);
  for (const row of rows) {
    const file = whole.get(row.file_id);
    if (file === undefined) {
      faults.push(`the row ${row.file_id} has no whole file`);
      continue;
    }
    const isSame =
      row.path === file.path &&
      row.element_id === file.elementId &&
      Number(row.file_size) === file.size &&
      row.sidecar_digest === file.sidecar_sha256 &&
      row.state === 'stored';
    if (!isSame) faults.push(`the row ${row.file_id} is not what stands on the element`);
  }
  return faults;
}

function judgeSent({ document, answer }: Sent, files: readonly WholeFile[]): string[] {
  const name = `${document.key === null ? 'the document' : 'the document with a key'} ${document.marker}`;
  const faults = files
    .filter((file) => file.sha256 !== document.sha256)
    .map((file) => `${name} has other bytes as ${file.file_id}`);
  if (files.length > 1) faults.push(`${name} exists ${files.length} times`);
  if (answer.kind === 'stored' && files[0]?.file_id !== answer.fileId) {
    faults.push(`${name} was acknowledged as ${answer.fileId} and is not there`);
  }
  if (answer.kind === 'refused' && files.length > 0) {
    faults.push(`${name} was refused (${answer.code}) and is there`);
  }
  if (document.key !== null && answer.kind !== 'stored') {
    faults.push(`${name} was never stored: ${JSON.stringify(answer)}`);
  }
  return faults;
}

function judgeCounters({ elements, counters }: Findings): string[] {
  return counters.flatMap((row) => {
    const files = elements.get(row.element_id)?.whole ?? [];
    const used = files.reduce((sum, { size }) => sum + size, 0);
    return [
      ...(Number(row.used_bytes) === used
        ? []
        : [`${row.element_id} counts ${row.used_bytes} bytes in use, there are ${used}`]),
      ...(row.reserved_bytes === row.held_bytes
        ? []
        : [
            `${row.element_id} counts ${row.reserved_bytes} reserved, its uploads ${row.held_bytes}`,
          ]),
    ];
  });
}

/** The published schema, compiled by itself: not by the product's code. */
async function compileSchema(): Promise<(sidecar: unknown) => boolean> {
  const path = new URL(
    import.meta.resolve('#domain/attributes/schemas/attributes-v2.0.schema.json'),
  );
  const ajv = new Ajv2020({ strict: false });
  formats.default(ajv);
  return ajv.compile(JSON.parse(await readFile(path, 'utf8')) as object);
}
