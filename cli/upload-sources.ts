import type { BigIntStats } from 'node:fs';
import { glob, lstat, opendir, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { compareUtf8 } from '#domain/byte-order.ts';
import { CliError, errorCode, localError, usageError } from './cli-error.ts';
import { clientLimits } from './client-limits.ts';
import { exitCodes } from './exit-codes.ts';

export type UploadSource =
  | {
      readonly kind: 'file';
      /** As the user would write it. */
      readonly path: string;
      /** Below the directory that was given, with `/`; the name alone for a file that was given. */
      readonly relativePath: string;
      readonly sizeBytes: number;
    }
  | { readonly kind: 'skipped'; readonly path: string; readonly reason: string }
  | { readonly kind: 'failed'; readonly path: string; readonly error: CliError };

export interface SourceOptions {
  readonly isFollowing: boolean;
}

/** Files, directories with everything in them, and patterns for shells that expand none. */
export async function* expandSources(
  patterns: readonly string[],
  options: SourceOptions,
): AsyncGenerator<UploadSource> {
  for (const pattern of patterns) {
    const found = await inspect(pattern, options);
    if (found.kind !== 'failed' || !isPattern(pattern, found.error)) {
      yield* expandFound(found, { base: baseOf(found, pattern), ancestors: [], options });
      continue;
    }
    const paths = (await Array.fromAsync(glob(pattern))).sort(compareUtf8);
    let count = 0;
    for (const path of paths) {
      const match = await inspect(path, options);
      // A pattern means files: with ** a directory would come twice.
      if (match.kind === 'directory') continue;
      count += 1;
      yield* expandFound(match, { base: null, ancestors: [], options });
    }
    if (count === 0) {
      const error = new CliError(exitCodes.local, `${pattern} matches no file.`);
      yield { kind: 'failed', path: pattern, error };
    }
  }
}

function isPattern(text: string, { cause }: CliError): boolean {
  return /[*?[{]/.test(text) && errorCode(cause) === 'ENOENT';
}

function baseOf(found: Found, path: string): string | null {
  return found.kind === 'directory' ? path : null;
}

interface FoundDirectory {
  readonly kind: 'directory';
  readonly path: string;
  /** Device and inode. */
  readonly identity: string;
}

type FoundFile = { readonly kind: 'file'; readonly path: string; readonly sizeBytes: number };
type Found = Exclude<UploadSource, { kind: 'file' }> | FoundFile | FoundDirectory;

async function inspect(path: string, { isFollowing }: SourceOptions): Promise<Found> {
  let stats: BigIntStats;
  try {
    const read = isFollowing ? stat : lstat;
    stats = await read(path, { bigint: true });
  } catch (error) {
    const hint = path.includes('\ufffd') ? ' (its name is not UTF-8)' : '';
    return { kind: 'failed', path, error: localError(`${path}${hint}`, 'read', error) };
  }
  if (stats.isFile()) return { kind: 'file', path, sizeBytes: Number(stats.size) };
  if (stats.isDirectory()) {
    return { kind: 'directory', path, identity: `${stats.dev}:${stats.ino}` };
  }
  const reason = stats.isSymbolicLink()
    ? 'a symbolic link; --follow follows it'
    : 'no regular file';
  return { kind: 'skipped', path, reason };
}

interface Walk {
  /** What relative paths begin below; null for a file that was given by itself. */
  readonly base: string | null;
  readonly ancestors: readonly string[];
  readonly options: SourceOptions;
}

async function* expandFound(found: Found, walk: Walk): AsyncGenerator<UploadSource> {
  if (found.kind === 'directory') yield* walkDirectory(found, walk);
  else if (found.kind !== 'file') yield found;
  else {
    const from = walk.base ?? join(found.path, '..');
    yield { ...found, relativePath: relative(resolve(from), resolve(found.path)) };
  }
}

/** In byte order of the names; only the names of the directories on the way are held. */
async function* walkDirectory(
  { path, identity }: FoundDirectory,
  { base, ancestors, options }: Walk,
): AsyncGenerator<UploadSource> {
  if (ancestors.includes(identity)) {
    yield { kind: 'skipped', path, reason: 'a link to a directory that it stands in' };
    return;
  }
  if (ancestors.length >= clientLimits.directoryDepth) {
    yield { kind: 'failed', path, error: usageError(`${path} is nested too deeply.`) };
    return;
  }
  let names: string[];
  try {
    names = await listNames(path);
  } catch (error) {
    yield { kind: 'failed', path, error: localError(path, 'read', error) };
    return;
  }
  const below = { base, ancestors: [...ancestors, identity], options };
  for (const name of names) yield* expandFound(await inspect(join(path, name), options), below);
}

async function listNames(path: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of await opendir(path)) names.push(entry.name);
  return names.sort(compareUtf8);
}

/** What a bar needs to know before it begins. */
export async function measureSources(
  patterns: readonly string[],
  options: SourceOptions,
): Promise<{ readonly files: number; readonly sizeBytes: number }> {
  let files = 0;
  let sizeBytes = 0;
  for await (const source of expandSources(patterns, options)) {
    if (source.kind !== 'file') continue;
    files += 1;
    sizeBytes += source.sizeBytes;
  }
  return { files, sizeBytes };
}
