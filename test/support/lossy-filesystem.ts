import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** A bound, not an expectation: the machine may be busy with other tests. */
const freeWithinMs = 60_000;
const freePauseMs = 50;

/**
 * An ext4 file system of its own, in an image file, that can lose its power: everything that was
 * not fsynced until then is gone. Needs root, loop devices, and the Debian packages mount,
 * e2fsprogs and perl-base.
 */
export interface LossyFilesystem extends AsyncDisposable {
  /** An empty directory, to begin with. */
  readonly path: string;
  /**
   * Shuts the file system down without flushing: what is in memory only never reaches the image,
   * and every call on it fails from now on.
   */
  cutPower(): Promise<void>;
  /** Mounts the image as it is, as after a new start. Nobody may hold a file of it open. */
  restorePower(): Promise<void>;
}

// _IOR('X', 125, __u32) of ext4 and its flag NOLOGFLUSH: the journal is not flushed either.
const shutDown = `
  sysopen(my $directory, $ARGV[0], 0) or die "open: $!";
  my $flag = pack("L", 2);
  defined(ioctl($directory, 0x8004587d, $flag)) or die "ioctl: $!";
`;

export async function openLossyFilesystem(sizeBytes: number): Promise<LossyFilesystem> {
  const folder = await mkdtemp(join(tmpdir(), 'artstore-lossy-'));
  const image = join(folder, 'image');
  const path = join(folder, 'mounted');
  // No commit by the clock: what survives does so because somebody asked for it.
  const mount = (): Promise<unknown> => run('mount', ['-o', 'loop,commit=300', image, path]);
  let isMounted = false;
  try {
    await mkdir(path);
    await writeFile(image, '');
    await truncate(image, sizeBytes);
    await run('mkfs.ext4', ['-q', '-F', '-E', 'root_owner=0:0', image]);
    await mount();
    isMounted = true;
    await rm(join(path, 'lost+found'), { recursive: true });
    await run('sync', ['-f', path]);
  } catch (cause) {
    if (isMounted) await run('umount', [path]);
    await rm(folder, { recursive: true });
    throw new Error(
      'cannot mount a file system of its own: needs root, loop devices and the Debian packages mount, e2fsprogs, perl-base',
      { cause },
    );
  }

  return {
    path,
    async cutPower() {
      await run('perl', ['-e', shutDown, path]);
    },
    async restorePower() {
      await unmountWhenFree(path);
      isMounted = false;
      await mount();
      isMounted = true;
    },
    async [Symbol.asyncDispose]() {
      // Lazily: a process that dies late must not keep the test from its end.
      if (isMounted) await run('umount', ['--lazy', path]);
      await rm(folder, { recursive: true });
    },
  };
}

/** Calls that failed with the power close their files a little later than their caller hears of it. */
async function unmountWhenFree(path: string): Promise<void> {
  const givenUpAt = Date.now() + freeWithinMs;
  for (;;) {
    try {
      await run('umount', [path]);
      return;
    } catch (error) {
      if (Date.now() > givenUpAt || !String(error).includes('busy')) throw error;
    }
    await delay(freePauseMs);
  }
}
