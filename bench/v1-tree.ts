/**
 * An old store to take over: documents with sidecars of version 1.0 in its dialects, in directories
 * YYYY/MM/DD/HH. File n is the same in every run.
 *
 *   node bench/v1-tree.ts DIRECTORY COUNT
 *
 * DIRECTORY must be new or empty. Afterwards, with ArtStore running:
 *
 *   POST /api/v1/storage-elements  { "element_id": "old-01", "name": "Old store", "type": "filesystem",
 *                                    "mode": "edit", "location": { "path": "DIRECTORY" }, "adopt": true }
 *   POST /api/v1/storage-elements/old-01/rebuild
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** Of sixteen files so many have this form; the names are those of the samples. */
const forms: Readonly<Record<string, number>> = {
  v1: 4,
  'v1-minimal': 1,
  'v1-null-metadata': 1,
  'v1-size-as-text': 1,
  'v1-space-in-time': 1,
  'v1-unknown-keys': 1,
  'v1-uppercase-checksum': 1,
  'v1-with-custom-attributes': 1,
  'prefixed-checksum': 1,
  'legacy-upload': 2,
  'readme-dialect': 1,
  sectioned: 1,
};

const filesPerHour = 100;
const firstHourAt = Date.UTC(2020, 0, 1);
const hourMs = 3_600_000;
const lanes = 16;
const suffix = '.attr.json';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = Record<string, Json>;

export interface V1File {
  readonly fileId: string;
  /** With a slash at its end. */
  readonly storagePath: string;
  readonly storageFilename: string;
  readonly content: Buffer;
  readonly sidecar: Buffer;
}

const samples = Object.entries(forms).flatMap(([name, share]) =>
  Array.from({ length: share }, () => readSample(name)),
);

function readSample(name: string): JsonObject {
  const url = new URL(import.meta.resolve(`#test/fixtures/sidecars/${name}${suffix}`));
  return JSON.parse(readFileSync(url, 'utf8')) as JsonObject;
}

/** @param seed other seeds give other ids: stores that one catalogue may hold side by side. */
export function makeV1File(number: number, seed = ''): V1File {
  const sample = samples[number % samples.length] ?? {};
  const hash = createHash('md5').update(`v1 file ${seed} ${number}`).digest('hex');
  const fileId = hash.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5');
  const createdAt = firstHourAt + Math.floor((number * hourMs) / filesPerHour);
  const instant = new Date(createdAt).toISOString();
  const content = Buffer.from(`document ${number}\n`.repeat(number % 50));
  const facts: Facts = {
    fileId,
    createdAt,
    storagePath: `${instant.slice(0, 13).replaceAll(/[-T]/g, '/')}/`,
    storageFilename: nameFor(sample, fileId, instant),
    sizeBytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
    md5: createHash('md5').update(content).digest('hex'),
  };
  const sidecar = Buffer.from(`${JSON.stringify(fillIn(sample, facts), null, 2)}\n`);
  const { storagePath, storageFilename } = facts;
  return { fileId, storagePath, storageFilename, content, sidecar };
}

interface Facts {
  readonly fileId: string;
  readonly createdAt: number;
  readonly storagePath: string;
  readonly storageFilename: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly md5: string;
}

/** One form does not say under which name its content lies. */
const defaultName = 'contract_ivanov_20250110T153045_a1b2c3d4-e5f6-7890-abcd-ef1234567890.pdf';

function nameFor(sample: JsonObject, fileId: string, instant: string): string {
  const section = sample['file'] as JsonObject | undefined;
  const name = sample['storage_filename'] ?? section?.['filename'] ?? defaultName;
  const time = instant.slice(0, 19).replaceAll(/[-:]/g, '');
  return textOf(name).replace(/\d{8}T\d{6}_[0-9a-f-]{36}/, `${time}_${fileId}`);
}

/** The sample with the values of this file, each written in the sample's own way. */
function fillIn(sample: JsonObject, facts: Facts): JsonObject {
  return Object.fromEntries(
    Object.entries(sample).map(([key, old]) => {
      const fill = fillers[key];
      if (fill !== undefined) return [key, fill(old, facts, sample)];
      const isSection = typeof old === 'object' && old !== null && !Array.isArray(old);
      return [key, isSection ? fillIn(old, facts) : old];
    }),
  );
}

/** Samples have texts at the places that are filled in. */
function textOf(value: Json): string {
  return typeof value === 'string' ? value : '';
}

type Filler = (old: Json, facts: Facts, around: JsonObject) => Json;

const fillSize: Filler = (old, { sizeBytes }) =>
  typeof old === 'string' ? String(sizeBytes) : sizeBytes;
const fillTime: Filler = (old, { createdAt }) => writeTime(createdAt, textOf(old));
const fillExpiry: Filler = (old, { createdAt }, { retention_days: days }) =>
  writeTime(createdAt + Number(days) * 24 * hourMs, textOf(old));
const fillStorageName: Filler = (_old, { storageFilename }) => storageFilename;

const fillers: Readonly<Record<string, Filler>> = {
  file_id: (_old, { fileId }) => fileId,
  storage_filename: fillStorageName,
  filename: fillStorageName,
  storage_path: (old, { storagePath }) =>
    textOf(old).endsWith('/') ? storagePath : storagePath.slice(0, -1),
  file_size: fillSize,
  size_bytes: fillSize,
  size: fillSize,
  checksum: fillChecksum,
  sha256: fillChecksum,
  sha256_hash: fillChecksum,
  md5_hash: (_old, { md5 }) => md5,
  created_at: fillTime,
  updated_at: fillTime,
  uploaded_at: fillTime,
  timestamp: fillTime,
  expires_at: fillExpiry,
  retention_expires_at: fillExpiry,
};

function fillChecksum(old: Json, { sha256 }: Facts): string {
  const [prefix = ''] = /^sha256:/.exec(textOf(old)) ?? [];
  return prefix + (/[A-F]/.test(textOf(old)) ? sha256.toUpperCase() : sha256);
}

/** With or without a fraction, with T or a space, with Z or an offset. */
function writeTime(at: number, like: string): string {
  const [date = '', time = ''] = new Date(at).toISOString().split('T');
  const fraction = /\.\d+/.test(like) ? `.${time.slice(9, 12)}456` : '';
  const zone = like.endsWith('Z') ? 'Z' : '+00:00';
  return `${date}${like.includes(' ') ? ' ' : 'T'}${time.slice(0, 8)}${fraction}${zone}`;
}

/** Nothing of it is fsynced: it is only there to be read. */
export async function writeV1Tree(directory: string, count: number, seed = ''): Promise<void> {
  await mkdir(directory, { recursive: true });
  if ((await readdir(directory)).length > 0) throw new Error(`${directory} is not empty`);
  const made = new Map<string, Promise<unknown>>();
  let next = 0;

  async function writeSome(): Promise<void> {
    while (next < count) {
      const file = makeV1File(next, seed);
      next += 1;
      const folder = join(directory, file.storagePath);
      const making = made.get(folder) ?? mkdir(folder, { recursive: true });
      made.set(folder, making);
      await making;
      const path = join(folder, file.storageFilename);
      await Promise.all([writeFile(path, file.content), writeFile(path + suffix, file.sidecar)]);
    }
  }

  await Promise.all(Array.from({ length: lanes }, writeSome));
}

if (import.meta.main) {
  const [directory, count] = process.argv.slice(2);
  if (directory === undefined || !(Number(count) >= 1)) {
    console.error('usage: node bench/v1-tree.ts DIRECTORY COUNT');
    process.exitCode = 2;
  } else {
    await writeV1Tree(resolve(directory), Number(count));
    console.log(`${count} files in ${resolve(directory)}`);
  }
}
