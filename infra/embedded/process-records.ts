import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  identifyProcess,
  isRunning,
  parseIdentity,
  type ProcessIdentity,
} from './process-identity.ts';
import { waitFor } from './wait-for.ts';

/**
 * What the supervisor has started, on disk, so that the next one finds what a killed one left.
 * A record counts only while exactly that process runs: nobody else's is ever touched.
 */
export interface ProcessRecords {
  write(name: string, pid: number, stopSignal: NodeJS.Signals): void;
  remove(name: string): void;
  list(): readonly ProcessRecord[];
}

export interface ProcessRecord {
  readonly name: string;
  readonly identity: ProcessIdentity;
  readonly stopSignal: NodeJS.Signals;
}

export function openProcessRecords(directory: string): ProcessRecords {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const pathOf = (name: string): string => join(directory, `${name}.process.json`);
  return {
    write(name, pid, stopSignal) {
      // Synchronous, right after the spawn: no kill of ours can come between in this process.
      const identity = identifyProcess(pid);
      if (identity === null) return;
      writeFileSync(pathOf(name), JSON.stringify({ name, identity, stopSignal }), { mode: 0o600 });
    },
    remove(name) {
      rmSync(pathOf(name), { force: true });
    },
    list() {
      return readdirSync(directory)
        .filter((file) => file.endsWith('.process.json'))
        .flatMap((file) => readRecord(join(directory, file)));
    },
  };
}

function readRecord(path: string): ProcessRecord[] {
  try {
    const found = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    const identity = parseIdentity(found['identity']);
    const { name, stopSignal } = found;
    if (identity === null || typeof name !== 'string') return [];
    return [{ name, identity, stopSignal: stopSignal === 'SIGINT' ? 'SIGINT' : 'SIGTERM' }];
  } catch {
    // Cut off by a crash while it was written: that process is found by other means or not ours.
    return [];
  }
}

/** Asks it to end, insists after `graceMs`. Resolves when it is gone. @returns whether it ran. */
export async function stopProcess(
  identity: ProcessIdentity,
  options: { readonly signal: NodeJS.Signals; readonly graceMs: number },
): Promise<boolean> {
  if (!isRunning(identity)) return false;
  sendSignal(identity, options.signal);
  try {
    await waitFor(() => !isRunning(identity), AbortSignal.timeout(options.graceMs));
  } catch {
    sendSignal(identity, 'SIGKILL');
    await waitFor(() => !isRunning(identity), AbortSignal.timeout(killMs));
  }
  return true;
}

const killMs = 10_000;

function sendSignal(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isRunning(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    // It ended between the look and the signal.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
