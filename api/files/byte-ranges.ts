import { DomainError } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';

/** Inclusive byte positions. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads `Range` by RFC 9110, section 14.
 * @returns null when the header is to be ignored and the whole content served: another unit, not
 *   well-formed, or more bytes in sum than there are.
 * @throws RANGE_NOT_SATISFIABLE
 */
export function parseRanges(
  header: string | undefined,
  sizeBytes: number,
): readonly ByteRange[] | null {
  const set = /^bytes\s*=(.*)$/i.exec(header?.trim() ?? '')?.[1];
  if (set === undefined) return null;
  const specs = set
    .split(',')
    .map((spec) => spec.trim())
    .filter((spec) => spec !== '');
  const ranges = specs.map((spec) => parseSpec(spec, sizeBytes));
  if (specs.length === 0 || ranges.includes('malformed')) return null;
  // The one range that is satisfiable in nothing: "the last n bytes" of an empty file.
  if (sizeBytes === 0 && specs.every((spec) => /^-0*[1-9]/.test(spec))) return null;
  const satisfiable = ranges.filter((range): range is ByteRange => typeof range === 'object');
  if (satisfiable.length === 0 || specs.length > limits.rangeCount) throw unsatisfiable(sizeBytes);
  const total = satisfiable.reduce((sum, { start, end }) => sum + end - start + 1, 0);
  return satisfiable.length > 1 && total > sizeBytes ? null : satisfiable;
}

function parseSpec(spec: string, sizeBytes: number): ByteRange | 'malformed' | 'unsatisfiable' {
  const match = /^(\d*)\s*-\s*(\d*)$/.exec(spec);
  const [, first = '', last = ''] = match ?? [];
  if (first === '' && last === '') return 'malformed';
  if (first === '') {
    const length = Number(last);
    if (length === 0 || sizeBytes === 0) return 'unsatisfiable';
    return { start: Math.max(0, sizeBytes - length), end: sizeBytes - 1 };
  }
  const start = Number(first);
  const end = last === '' ? Number.POSITIVE_INFINITY : Number(last);
  if (end < start) return 'malformed';
  if (start >= sizeBytes) return 'unsatisfiable';
  return { start, end: Math.min(end, sizeBytes - 1) };
}

function unsatisfiable(sizeBytes: number): DomainError {
  return new DomainError(
    'RANGE_NOT_SATISFIABLE',
    `No range lies within the ${sizeBytes} bytes of the content, or there are too many.`,
    { details: { sizeBytes } },
  );
}

export function presentRange({ start, end }: ByteRange, sizeBytes: number): string {
  return `bytes ${start}-${end}/${sizeBytes}`;
}
