/** RFC 9110, section 8.3.1: type/subtype of tokens, in lower case, without parameters; or null. */
export function mediaTypeOf(header: string | undefined): string | null {
  const type = header?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return /^[!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+$/.test(type) ? type : null;
}

/** A parameter of a media type, unquoted; or null. */
export function mediaTypeParameter(header: string | undefined, name: string): string | null {
  for (const match of (header ?? '').matchAll(
    /;\s*([^=;\s]+)=(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))/g,
  )) {
    if (match[1]?.toLowerCase() !== name) continue;
    return match[2]?.replaceAll(/\\(.)/g, '$1') ?? match[3] ?? null;
  }
  return null;
}
