import { limits } from '#domain/limits.ts';

/** Nobody could type these, and logs would be broken by them. */
// oxlint-disable-next-line no-control-regex
const controlCharacter = /[\u0000-\u001f\u007f]/;

/**
 * A directory is named in exactly one way, so that two elements can be compared by their paths.
 * @returns what is wrong with the path, or null.
 */
export function findPathFault(path: string): string | null {
  if (path.length > limits.elementPathChars) {
    return `must not have more than ${limits.elementPathChars} characters`;
  }
  if (!path.isWellFormed() || controlCharacter.test(path)) {
    return 'must not have control characters';
  }
  if (!path.startsWith('/')) return 'must be absolute';
  if (path === '/') return 'must not be the root of the file system';
  const isNormal = path
    .slice(1)
    .split('/')
    .every((name) => name !== '' && name !== '.' && name !== '..');
  return isNormal
    ? null
    : 'must be normalised: no "..", no ".", no empty names, no slash at the end';
}

/** True when one is the other or lies within it. Both as `findPathFault` has nothing against. */
export function locationsOverlap(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
}
