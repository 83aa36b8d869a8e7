import { createHash } from 'node:crypto';

/**
 * Terms of custom attributes as `attribute_terms()` in the database makes them: 32 bits for kind
 * and name, 4 for the width of an interval, 24 for the interval. An interval is a prefix of the
 * bits of an IEEE number that were turned so that they ascend, and each width is four times the
 * next one.
 */
const codeBits = 24;
const narrowest = 12;
const widest = 2;
const greatestCode = 2 ** codeBits - 1;

type Kind = 'k' | 'n' | 'd';

export interface TermRange {
  /** Both ends belong to it; null: open. */
  readonly from: number | null;
  readonly to: number | null;
}

/** Every file that has the attribute has this term. */
export function presenceTerm(name: string): string {
  return String(termBase('k', name));
}

/**
 * Terms of which every number (`n`) or day (`d`) in the range has at least one; some beyond its
 * ends have one too.
 */
export function rangeTerms(kind: 'n' | 'd', name: string, range: TermRange): string[] {
  const base = termBase(kind, name);
  const from = range.from === null ? 0 : codeOf(range.from);
  const to = range.to === null ? greatestCode : codeOf(range.to);
  return coverRange(from, to).map(({ level, prefix }) =>
    String(base + (BigInt(level) << BigInt(codeBits)) + BigInt(prefix)),
  );
}

/** An ISO date, or the beginning of an instant, in the order of days; null for other text. */
export function dayNumber(text: string): number | null {
  const match = /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?:$|[T ])/.exec(text);
  if (match === null) return null;
  const [, year, month, day] = match;
  return (Number(year) - 1970) * 372 + Number(month) * 31 + Number(day);
}

function termBase(kind: Kind, name: string): bigint {
  const hash = createHash('md5').update(`${kind}${name}`).digest('hex').slice(0, 8);
  return BigInt(`0x${hash}`) << 28n;
}

function codeOf(number: number): number {
  // The database knows neither a negative zero nor the least of all numbers.
  const known = Math.abs(number) < 1e-300 ? 0 : number;
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, known);
  const code = bits.getUint32(0) >>> 8;
  return known < 0 ? code ^ greatestCode : code | 0x80_00_00;
}

/** Few and wide intervals in the middle, narrow ones towards both ends. */
function coverRange(from: number, to: number): { level: number; prefix: number }[] {
  const intervals: { level: number; prefix: number }[] = [];
  let [low, high] = [from, to];
  for (let level = narrowest; level > widest; level -= 1) {
    for (; low <= high && low % 4 !== 0; low += 1) intervals.push({ level, prefix: low });
    for (; low <= high && high % 4 !== 3; high -= 1) intervals.push({ level, prefix: high });
    if (low > high) return intervals;
    [low, high] = [Math.floor(low / 4), Math.floor(high / 4)];
  }
  for (let prefix = low; prefix <= high; prefix += 1) intervals.push({ level: widest, prefix });
  return intervals;
}
