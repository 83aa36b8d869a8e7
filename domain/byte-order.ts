/**
 * Order of two texts by their UTF-8 bytes, as `collate "C"` has it. JavaScript compares UTF-16
 * code units, where the halves of a pair come before U+E000 to U+FFFF.
 * @returns negative, zero or positive, for `sort`
 */
export function compareUtf8(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index += 1) {
    const difference = rank(left.charCodeAt(index)) - rank(right.charCodeAt(index));
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Halves of pairs change places with the units above them: what they make up lies beyond U+FFFF. */
function rank(codeUnit: number): number {
  if (codeUnit < 0xd800) return codeUnit;
  return codeUnit < 0xe000 ? codeUnit + 0x2000 : codeUnit - 0x800;
}
