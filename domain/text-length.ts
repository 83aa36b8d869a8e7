const encoder = new TextEncoder();

/** Characters as the limits count them: Unicode code points. */
export function charLength(text: string): number {
  let length = 0;
  for (const _ of text) length += 1;
  return length;
}

/** Bytes of the UTF-8 form; half of a surrogate pair counts as the replacement character. */
export function byteLength(text: string): number {
  return encoder.encode(text).length;
}
