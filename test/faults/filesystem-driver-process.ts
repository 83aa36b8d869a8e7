import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileId } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import { registerElementDirectory } from '#infra/filesystem/element-marker.ts';
import type { QuarantineResult } from './filesystem-quarantine-steps.ts';
import type { RemovalResult } from './filesystem-removal-steps.ts';
import { faultElementId, type StepsResult } from './filesystem-steps.ts';

export interface DriverOrder {
  readonly root: string;
  /** Content that an earlier run was told to be staged. */
  readonly staged?: readonly FileId[];
  /** A whole group of small files; without it the steps of the two files. */
  readonly groupSize?: number;
  /** One file of this size, to be staged only. */
  readonly bigSizeBytes?: number;
  /** What was stored by an earlier run goes again. */
  readonly isRemoval?: boolean;
  /** Content without a sidecar is set aside. */
  readonly isQuarantine?: boolean;
}

export type DriverMessage =
  | { readonly ready: true }
  | { readonly staged: FileId }
  | { readonly result: StepsResult }
  | { readonly storedCount: number }
  | { readonly bigFile: 'staged' | 'refused' }
  | { readonly removal: RemovalResult }
  | { readonly quarantine: QuarantineResult };

export interface DriverProcess {
  readonly child: ChildProcess;
  /** Ends with the process when it is killed on the way. */
  run(root: string, alreadyStaged?: readonly FileId[]): Promise<DriverRun>;
  /** @returns how many files were stored. */
  runGroup(root: string, groupSize: number): Promise<number>;
  stageBigFile(root: string, bigSizeBytes: number): Promise<'staged' | 'refused' | null>;
  /** Null when the process did not live to tell. */
  removeFiles(root: string): Promise<RemovalResult | null>;
  /** The same. */
  setFilesAside(root: string): Promise<QuarantineResult | null>;
  end(): Promise<void>;
}

export interface DriverRun {
  /** Acknowledged as staged, whatever came after it. */
  readonly staged: ReadonlySet<FileId>;
  /** Null when the process did not live to tell. */
  readonly result: StepsResult | null;
}

/** @param fileThreads with one, calls have an order that repeats; with more, they overlap as in life. */
export async function startDriver(fileThreads: number): Promise<DriverProcess> {
  const child = fork(join(import.meta.dirname, 'filesystem-driver.ts'), {
    execArgv: [],
    // Calls through io_uring would pass the tracer by.
    env: { ...process.env, UV_THREADPOOL_SIZE: String(fileThreads), UV_USE_IO_URING: '0' },
  });
  const exited = once(child, 'exit');
  const gone = Promise.all([exited, once(child, 'disconnect')]);
  await once(child, 'message');

  /** Ends when `isLast` says so, or with the process. */
  async function order(
    what: DriverOrder,
    isLast: (message: DriverMessage) => boolean,
  ): Promise<void> {
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const onMessage = (message: DriverMessage): void => {
      if (isLast(message)) answer();
    };
    child.on('message', onMessage);
    child.send(what);
    await Promise.race([answered, gone]);
    child.off('message', onMessage);
  }

  return {
    child,
    async run(root, alreadyStaged = []) {
      const staged = new Set(alreadyStaged);
      let result: StepsResult | null = null;
      await order({ root, staged: alreadyStaged }, (message) => {
        if ('staged' in message) staged.add(message.staged);
        if ('result' in message) result = message.result;
        return result !== null;
      });
      return { staged, result };
    },
    async runGroup(root, groupSize) {
      let storedCount = 0;
      await order({ root, groupSize }, (message) => {
        if ('storedCount' in message) storedCount = message.storedCount;
        return 'storedCount' in message;
      });
      return storedCount;
    },
    async stageBigFile(root, bigSizeBytes) {
      let answer: 'staged' | 'refused' | null = null;
      await order({ root, bigSizeBytes }, (message) => {
        if ('bigFile' in message) answer = message.bigFile;
        return answer !== null;
      });
      return answer;
    },
    async removeFiles(root) {
      let result: RemovalResult | null = null;
      await order({ root, isRemoval: true }, (message) => {
        if ('removal' in message) result = message.removal;
        return result !== null;
      });
      return result;
    },
    async setFilesAside(root) {
      let result: QuarantineResult | null = null;
      await order({ root, isQuarantine: true }, (message) => {
        if ('quarantine' in message) result = message.quarantine;
        return result !== null;
      });
      return result;
    },
    async end() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

export async function makeElement(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'artstore-fault-'));
  await registerElementDirectory(root, faultElementId, parseInstant('2025-11-08T00:00:00Z')!);
  return root;
}
