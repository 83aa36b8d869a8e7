import { Buffer } from 'node:buffer';
import { clientLimits } from './client-limits.ts';

const nameOfTheNameless = 'file';

/**
 * A name from elsewhere as the name of one file in one directory: no separators, no control
 * characters, neither `.` nor `..`, and short enough for every usual file system.
 */
export function safeFilename(original: string): string {
  const name = original
    .toWellFormed()
    .replaceAll(/[/\\\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '_')
    .trim();
  return cutName(/^\.*$/.test(name) ? nameOfTheNameless : name);
}

/** The extension stays: what the file is must not depend on how long its name was. */
function cutName(name: string): string {
  if (Buffer.byteLength(name) <= clientLimits.nameBytes) return name;
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && Buffer.byteLength(name.slice(dot)) <= 32 ? name.slice(dot) : '';
  let room = clientLimits.nameBytes - Buffer.byteLength(extension);
  let stem = '';
  for (const character of name.slice(0, name.length - extension.length)) {
    room -= Buffer.byteLength(character);
    if (room < 0) break;
    stem += character;
  }
  return stem + extension;
}
