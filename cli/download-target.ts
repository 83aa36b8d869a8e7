import { randomBytes } from 'node:crypto';
import { link, lstat, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CliError, errorCode, localError } from './cli-error.ts';
import { safeFilename } from './download-name.ts';
import { exitCodes } from './exit-codes.ts';

/** Where a file goes: a directory takes it under its own name. @throws CliError */
export async function chooseTarget(destination: string | null, filename: string): Promise<string> {
  const name = safeFilename(filename);
  if (destination === null) return name;
  const isDirectory = await isExistingDirectory(destination);
  if (isDirectory) return join(destination, name);
  if (!destination.endsWith('/')) return destination;
  throw new CliError(exitCodes.local, `${destination} is no directory.`);
}

export async function isExistingDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw localError(path, 'read', error);
  }
}

/** Before a byte is fetched. @throws CliError */
export async function requireRoomAt(target: string, isForced: boolean): Promise<void> {
  try {
    const stats = await lstat(target);
    if (!stats.isFile() && !stats.isSymbolicLink()) {
      throw new CliError(exitCodes.local, `${target} is no regular file; - is standard output.`);
    }
    if (!isForced) throw existsError(target);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw localError(target, 'read', error);
  }
}

/**
 * Writes beside the target and moves it into place when everything has come and is on the disk:
 * under its name there is never half a file.
 * @throws CliError; whatever `content` throws
 */
export async function writeTarget(
  target: string,
  content: AsyncIterable<Uint8Array>,
  { isForced }: { readonly isForced: boolean },
): Promise<void> {
  const directory = dirname(target);
  const temporary = join(directory, `.artstore-${randomBytes(8).toString('hex')}.part`);
  try {
    await using file = await open(temporary, 'wx', 0o666);
    for await (const chunk of content) await file.writeFile(chunk);
    await file.sync();
    await (isForced ? rename(temporary, target) : placeNew(temporary, target));
    await syncDirectory(directory);
  } catch (error) {
    await rm(temporary, { force: true });
    throw localError(target, 'written', error);
  }
}

/** Unlike a rename a link takes nobody's place, also not that of what came meanwhile. */
async function placeNew(temporary: string, target: string): Promise<void> {
  try {
    await link(temporary, target);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw existsError(target);
    if (!withoutLinks.includes(errorCode(error))) throw error;
    await requireRoomAt(target, false);
    await rename(temporary, target);
    return;
  }
  await rm(temporary);
}

/** File systems that know no hard links. */
const withoutLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync();
}

function existsError(target: string): CliError {
  return new CliError(exitCodes.local, `${target} exists already; --force replaces it.`);
}
