/** One step deeper in a JSON Pointer (RFC 6901): `/` and `~` in the name are escaped. */
export function pointerTo(parent: string, name: string | number): string {
  return `${parent}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
