import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CliError, errorCode } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';

const ownerOnly = 0o600;
const forOthers = 0o077;

/**
 * @returns null when there is none.
 * @throws CliError when others may read it: what is in it is no secret any more.
 */
export async function readPrivateFile(path: string): Promise<string | null> {
  let file;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return null;
    throw new CliError(exitCodes.local, `${path} cannot be read: ${errorCode(error)}`, {
      cause: error,
    });
  }
  await using opened = file;
  const { mode } = await opened.stat();
  if ((mode & forOthers) !== 0) {
    const remedy = 'it holds a secret. Give it a new one, or: chmod 600';
    throw new CliError(exitCodes.local, `${path} may be read by others, and ${remedy} ${path}`);
  }
  return opened.readFile('utf8');
}

/** The old content or the new one, whatever happens; readable for the owner only, from the start. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await using file = await open(temporary, 'wx', ownerOnly);
    await file.writeFile(text);
    await file.sync();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

export async function removePrivateFile(path: string): Promise<void> {
  await rm(path, { force: true });
}
