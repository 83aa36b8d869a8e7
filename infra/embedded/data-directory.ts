import { mkdirSync, readdirSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { lockDataDirectory } from './data-directory-lock.ts';
import { rotateLog } from './process-log.ts';
import {
  openProcessRecords,
  stopProcess,
  type ProcessRecord,
  type ProcessRecords,
} from './process-records.ts';

/** A data directory that is ours alone, with nothing of an earlier owner still running. */
export interface DataDirectory extends AsyncDisposable {
  readonly path: string;
  readonly runDirectory: string;
  readonly logDirectory: string;
  readonly records: ProcessRecords;
}

/**
 * @throws StartupError when another process owns it.
 */
export async function openDataDirectory(
  path: string,
  log: (line: string) => void,
): Promise<DataDirectory> {
  const lock = await lockDataDirectory(resolve(path));
  const directory = await realpath(resolve(path));
  const runDirectory = join(directory, 'run');
  const logDirectory = join(directory, 'logs');
  mkdirSync(logDirectory, { recursive: true, mode: 0o700 });
  const records = openProcessRecords(runDirectory);
  try {
    await stopOrphans(records, log);
  } catch (error) {
    await lock.release();
    throw error;
  }
  for (const name of readdirSync(logDirectory)) {
    if (name.endsWith('.log')) rotateLog(join(logDirectory, name));
  }
  return {
    path: directory,
    runDirectory,
    logDirectory,
    records,
    [Symbol.asyncDispose]: () => lock.release(),
  };
}

/** Orphans drain nothing: whoever waited for them has lost the supervisor with them. */
const orphanGraceMs = { postgres: 15_000, others: 3000 };

/**
 * What a killed supervisor left. PostgreSQL last, so that the others end against a living
 * database.
 */
async function stopOrphans(records: ProcessRecords, log: (line: string) => void): Promise<void> {
  const orphans = records.list();
  await Promise.all(orphans.filter((it) => it.name !== 'postgres').map((it) => stopOrphan(it)));
  await Promise.all(orphans.filter((it) => it.name === 'postgres').map((it) => stopOrphan(it)));

  async function stopOrphan(record: ProcessRecord): Promise<void> {
    const wasRunning = await stopProcess(record.identity, {
      signal: record.stopSignal,
      graceMs: record.name === 'postgres' ? orphanGraceMs.postgres : orphanGraceMs.others,
    });
    if (wasRunning) log(`stopped ${record.name}, left running by an earlier start`);
    records.remove(record.name);
  }
}
