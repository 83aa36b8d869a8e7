import { readFileSync, rmSync } from 'node:fs';
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { tryKernelLock } from './kernel-lock.ts';
import { identifyProcess, isRunning, parseIdentity } from './process-identity.ts';
import { StartupError } from './startup-error.ts';
import { writeFileAtomically } from './atomic-file.ts';

export interface DataDirectoryLock {
  release(): Promise<void>;
}

/**
 * A data directory has one owner. The kernel lock decides between two starts at once and dies with
 * its holder; `owner.json` tells the second one who the first is, and keeps away also a start that
 * cannot see that lock, from another network namespace.
 * @throws StartupError when the directory has a living owner.
 */
export async function lockDataDirectory(directory: string): Promise<DataDirectoryLock> {
  await mkdir(directory, { recursive: true, mode: 0o711 });
  const ownerFile = join(directory, 'owner.json');
  const lock = await tryKernelLock(`data:${await realpath(directory)}`);
  if (lock === null) throw refusal(directory, readOwner(ownerFile)?.pid ?? null);
  const owner = readOwner(ownerFile);
  if (owner !== null && isRunning(owner)) {
    await lock.release();
    throw refusal(directory, owner.pid);
  }
  writeFileAtomically(ownerFile, `${JSON.stringify(identifyProcess(process.pid))}\n`, 0o644);
  return {
    async release() {
      rmSync(ownerFile, { force: true });
      await lock.release();
    },
  };
}

function readOwner(path: string): ReturnType<typeof parseIdentity> {
  try {
    return parseIdentity(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return null;
  }
}

function refusal(directory: string, pid: number | null): StartupError {
  const owner = pid === null ? 'another process' : `process ${pid}`;
  return new StartupError(
    `The data directory ${directory} is in use by ${owner}: stop that one, or set ARTSTORE_DATA_DIR.`,
  );
}
