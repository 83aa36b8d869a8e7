import { execFile } from 'node:child_process';
import { readFile, realpath } from 'node:fs/promises';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMib: number;
  readonly kernel: string;
  readonly node: string;
  readonly fileSystem: FileSystem;
}

export interface FileSystem {
  readonly type: string;
  readonly device: string;
  readonly options: string;
}

export async function describeMachine(directory: string): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryMib: Math.round(totalmem() / 1_048_576),
    kernel: release(),
    node: process.version,
    fileSystem: await findFileSystem(directory),
  };
}

/** Fsync costs nothing in memory, and figures from there say nothing. */
const memoryFileSystems = ['tmpfs', 'ramfs', 'devtmpfs'];

/** @throws when the directory lies on a file system that keeps its files in memory. */
export async function findFileSystem(directory: string): Promise<FileSystem> {
  const path = await realpath(directory);
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).trim().split('\n');
  const found = mounts
    .map(parseMount)
    .filter(({ mountPoint }) => path === mountPoint || path.startsWith(withSlash(mountPoint)))
    // Of mounts on the same point the last one is what is seen.
    .reduce((best, mount) => (mount.mountPoint.length >= best.mountPoint.length ? mount : best));
  if (memoryFileSystems.includes(found.type)) {
    throw new Error(`${directory} is on ${found.type}: choose a directory on a disk`);
  }
  return { type: found.type, device: found.device, options: found.options };
}

function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}

function parseMount(line: string): FileSystem & { readonly mountPoint: string } {
  const [before = '', after = ''] = line.split(' - ');
  const [type = '', device = '', options = ''] = after.split(' ');
  return { mountPoint: before.split(' ')[4] ?? '', type, device, options };
}

export interface Commit {
  readonly commit: string;
  /** True when files differ from the commit: the figures are not its. */
  readonly isModified: boolean;
}

export async function describeCommit(): Promise<Commit> {
  const head = await run('git', ['rev-parse', '--short=12', 'HEAD']);
  const status = await run('git', ['status', '--porcelain']);
  return { commit: head.stdout.trim(), isModified: status.stdout.trim() !== '' };
}
