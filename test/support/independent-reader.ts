/**
 * Reads an element's directory as somebody would who knows the specification and nothing of the
 * product: it imports none of its code, so that a fault there cannot hide itself here.
 *
 *   node test/support/independent-reader.ts <element directory>     prints the report as JSON
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';

export interface WholeFile {
  readonly file_id: string;
  /** Of the content, relative to the element's directory. */
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  readonly sidecar: Readonly<Record<string, unknown>>;
  /** Of the sidecar's bytes. */
  readonly sidecar_sha256: string;
}

export interface DamagedFile {
  readonly path: string;
  readonly reason: string;
}

export interface ElementReport {
  readonly whole: WholeFile[];
  readonly content_without_sidecar: string[];
  readonly sidecar_without_content: string[];
  readonly damaged: DamagedFile[];
  /** Everything in `.artstore/staging/`. */
  readonly staging: string[];
  /** Unfinished files in the visible tree. */
  readonly temporary: string[];
}

const suffix = '.attr.json';

export async function readElement(root: string): Promise<ElementReport> {
  const report: ElementReport = {
    whole: [],
    content_without_sidecar: [],
    sidecar_without_content: [],
    damaged: [],
    staging: await namesIn(join(root, '.artstore', 'staging')),
    temporary: [],
  };
  await readDirectory(root, root, report);
  return report;
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function readDirectory(root: string, path: string, report: ElementReport): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true });
  const names = new Set(entries.map(({ name }) => name));
  for (const entry of entries) {
    const entryPath = join(path, entry.name);
    const shown = relative(root, entryPath);
    if (shown === '.artstore') continue;
    if (entry.isDirectory()) await readDirectory(root, entryPath, report);
    else if (!entry.isFile()) report.damaged.push({ path: shown, reason: 'not a plain file' });
    else if (entry.name.endsWith('.tmp')) report.temporary.push(shown);
    else if (entry.name.endsWith(suffix)) {
      if (!names.has(entry.name.slice(0, -suffix.length))) {
        report.sidecar_without_content.push(shown);
      }
    } else if (names.has(entry.name + suffix)) await readPair(root, entryPath, report);
    else report.content_without_sidecar.push(shown);
  }
}

async function readPair(root: string, path: string, report: ElementReport): Promise<void> {
  const shown = relative(root, path);
  const bytes = await readFile(path + suffix);
  let sidecar: Record<string, unknown>;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    sidecar = JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    report.damaged.push({ path: shown + suffix, reason: `not JSON: ${String(error)}` });
    return;
  }
  const { size } = await stat(path);
  const sha256 = await digestOfFile(path);
  const faults = [
    typeof sidecar['file_id'] === 'string' ? null : 'no file_id',
    Number(sidecar['file_size']) === size ? null : `file_size, but ${size} bytes stand there`,
    String(sidecar['checksum']).toLowerCase() === sha256 ? null : 'checksum of the content',
    sidecar['storage_filename'] === basename(path) ? null : 'storage_filename',
    isIntegrityRight(sidecar, text) ? null : 'integrity digest',
  ].filter((fault) => fault !== null);
  if (faults.length > 0) {
    report.damaged.push({ path: shown, reason: faults.join('; ') });
    return;
  }
  report.whole.push({
    file_id: String(sidecar['file_id']),
    path: shown,
    size,
    sha256,
    sidecar,
    sidecar_sha256: createHash('sha256').update(bytes).digest('hex'),
  });
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

function isIntegrityRight(sidecar: Record<string, unknown>, text: string): boolean {
  const integrity = sidecar['integrity'] as { digest?: unknown } | undefined;
  if (integrity === undefined) return true;
  return integrity.digest === createHash('sha256').update(canonicalForm(text)).digest('hex');
}

/** A number with the characters it was written with. */
class WrittenNumber {
  readonly source: string;
  constructor(source: string) {
    this.source = source;
  }
}

/** RFC 8785 without the member `integrity`; a number that it cannot carry stays as it is written. */
function canonicalForm(text: string): string {
  const keepNumbers = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' ? new WrittenNumber(context?.source ?? String(value)) : value;
  const document = JSON.parse(text, keepNumbers) as Record<string, unknown>;
  delete document['integrity'];
  return write(document);
}

function write(value: unknown): string {
  if (value instanceof WrittenNumber) return writeNumber(value.source);
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, item]) => `${JSON.stringify(key)}:${write(item)}`).join(',')}}`;
}

function writeNumber(source: string): string {
  const short = JSON.stringify(Number(source));
  return short !== 'null' && isSameDecimal(short, source) ? short : source;
}

function isSameDecimal(a: string, b: string): boolean {
  const [left, right] = [toScaled(a), toScaled(b)];
  if (left.digits === 0n || right.digits === 0n) return left.digits === right.digits;
  const exponent = Math.min(left.exponent, right.exponent);
  // Beyond what a double can reach the two cannot be the same; no need for such powers.
  if (Math.max(left.exponent, right.exponent) - exponent > 2000) return false;
  const align = ({ digits, exponent: own }: typeof left): bigint =>
    digits * 10n ** BigInt(own - exponent);
  return align(left) === align(right);
}

function toScaled(source: string): { digits: bigint; exponent: number } {
  const [mantissa = '', exponent = '0'] = source.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const isNegative = whole.startsWith('-');
  const digits = BigInt(whole.replace('-', '') + fraction);
  return { digits: isNegative ? -digits : digits, exponent: Number(exponent) - fraction.length };
}

if (import.meta.main) {
  const [directory] = process.argv.slice(2);
  if (directory === undefined) {
    console.error('usage: node test/support/independent-reader.ts <element directory>');
    process.exitCode = 2;
  } else {
    console.log(JSON.stringify(await readElement(directory), null, 2));
  }
}
