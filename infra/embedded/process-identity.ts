import { readFileSync } from 'node:fs';

/**
 * Names one process for ever: a pid alone is used again, in containers soon. The start time counts
 * from the boot of the kernel, so the boot belongs to it.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: string;
  readonly bootId: string;
}

/** @returns null when no such process runs; one that has ended but was not waited for does not. */
export function identifyProcess(pid: number): ProcessIdentity | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name in brackets and may hold anything, brackets and spaces too.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state] = fields;
    const startTicks = fields[19];
    if (startTicks === undefined || state === 'Z' || state === 'X') return null;
    return { pid, startTicks, bootId: readBootId() };
  } catch {
    return null;
  }
}

export function isRunning(identity: ProcessIdentity): boolean {
  const found = identifyProcess(identity.pid);
  return found?.startTicks === identity.startTicks && found.bootId === identity.bootId;
}

/** @returns null when the text is not an identity as `JSON.stringify` writes it. */
export function parseIdentity(value: unknown): ProcessIdentity | null {
  if (typeof value !== 'object' || value === null) return null;
  const { pid, startTicks, bootId } = value as Record<string, unknown>;
  const isIdentity =
    Number.isSafeInteger(pid) && typeof startTicks === 'string' && typeof bootId === 'string';
  return isIdentity ? { pid: pid as number, startTicks, bootId } : null;
}

export function readCommandLine(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

export function readParentPid(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return null;
  }
}

function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
