import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { OperationId } from '#domain/ids.ts';
import type { AdoptedFile } from '#test/support/adopted-files.ts';
import { expectedDocument, withoutNulls } from '#test/support/independent-migration.ts';
import type { MigrationHarness } from '#test/support/migration-harness.ts';

export interface MigrationVerdict {
  /** Exactly what the specification makes of the original. */
  readonly migrated: number;
  /** The original's bytes. */
  readonly untouched: number;
  /** Everything else, and everything in which element, catalogue and kept originals disagree. */
  readonly faults: readonly string[];
}

interface Row {
  readonly file_id: string;
  readonly sidecar_digest: string;
  readonly schema_version: string;
  readonly revision: number;
  readonly claimed_by: string | null;
}

const sha256Hex = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Looks at every sidecar, at its row, and at the original that the run keeps of it. */
export async function judgeMigration(
  harness: MigrationHarness,
  run: OperationId,
  files: readonly AdoptedFile[],
): Promise<MigrationVerdict> {
  const { database } = harness.harness.catalogue;
  const fileIds = files.map(({ fileId }) => fileId);
  const rows = await database.query<Row>(
    {
      text: `select file_id, sidecar_digest, schema_version, revision, claimed_by from files
        where file_id = any($1::uuid[])`,
    },
    [fileIds],
  );
  const kept = await database.query<{ file_id: string; original: Uint8Array; state: string }>(
    {
      text: `select file_id, original, state from migration_files
        where run_id = $1 and file_id = any($2::uuid[])`,
    },
    [run, fileIds],
  );
  const rowOf = new Map(rows.map((row) => [row.file_id, row]));
  const keptOf = new Map(kept.map((row) => [row.file_id, row]));
  const report = await harness.harness.readElement();
  const whole = new Set(report.whole.map(({ path }) => path));
  const faults = [...report.temporary, ...report.staging].map((path) => `left over: ${path}`);
  let migrated = 0;
  let untouched = 0;
  for (const file of files) {
    const bytes = await harness.read(file);
    const isUntouched = bytes.equals(file.original);
    const isMigrated = !isUntouched && isAsExpected(file, bytes);
    if (isUntouched) untouched += 1;
    if (isMigrated) migrated += 1;
    const row = rowOf.get(file.fileId);
    const original = keptOf.get(file.fileId);
    const found = [
      isUntouched || isMigrated ? null : 'is neither its original nor what it must become',
      row?.sidecar_digest === sha256Hex(bytes) ? null : 'its row has another digest',
      row?.claimed_by === null ? null : 'is still held',
      isMigrated && row?.schema_version !== '2.0' ? 'its row says another version' : null,
      isMigrated && !whole.has(`${file.storagePath}${file.storageFilename}`)
        ? 'the independent reader does not find it whole'
        : null,
      isMigrated && original?.state !== 'migrated' ? 'its original is not kept' : null,
      isUntouched && original !== undefined && original.state !== 'reverted'
        ? 'an original of it is kept'
        : null,
      original !== undefined && !file.original.equals(original.original)
        ? 'what is kept is not its original'
        : null,
    ].filter((fault) => fault !== null);
    faults.push(...found.map((fault) => `${file.dialect} ${file.fileId} ${fault}`));
  }
  return { migrated, untouched, faults };
}

function isAsExpected(file: AdoptedFile, bytes: Buffer): boolean {
  const { integrity, ...document } = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
  return (
    integrity !== undefined && isDeepStrictEqual(withoutNulls(document), expectedDocument(file))
  );
}
