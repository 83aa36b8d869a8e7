import { readdir, readFile, writeFile } from 'node:fs/promises';

/** Of Linux on every machine that Node runs on: ticks of `/proc/<pid>/stat` in a second. */
const ticksPerSecond = 100;

/** Makes the peak of a process's memory start again from what it has now. */
export async function resetPeakMemory(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5');
}

export interface Memory {
  /** `VmRSS`: resident now. */
  readonly residentMib: number;
  /** `VmHWM`: the most that was resident since the last reset. */
  readonly peakMib: number;
}

export async function readMemory(pid: number): Promise<Memory> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return { residentMib: readField(status, 'VmRSS'), peakMib: readField(status, 'VmHWM') };
}

function readField(status: string, name: string): number {
  const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`/proc has no ${name}`);
  return Number(kibibytes) / 1024;
}

/** Processor time so far, in ms: of a process and everything it started that still lives. */
export type CpuTimes = Readonly<Record<string, number>>;

export async function readCpuTimes(processes: Readonly<Record<string, number>>): Promise<CpuTimes> {
  const children = await readChildren();
  const times: Record<string, number> = {};
  const roots = new Set(Object.values(processes));
  for (const [name, pid] of Object.entries(processes)) {
    // A supervisor's children are listed under names of their own.
    times[name] = await sumTree(pid, children, roots);
  }
  return times;
}

export function subtractCpuTimes(after: CpuTimes, before: CpuTimes): CpuTimes {
  return Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, Math.round(value - (before[name] ?? 0))]),
  );
}

interface Stat {
  readonly name: string;
  readonly parent: number;
  readonly ownCpuMs: number;
  /** With the children that have ended. */
  readonly cpuMs: number;
}

/** @param path of a process or of one of its threads, below `/proc`. */
async function readStat(path: string): Promise<Stat | null> {
  try {
    const text = await readFile(`/proc/${path}/stat`, 'utf8');
    // The name stands in brackets and may hold anything: the fields count from behind it.
    const nameEnd = text.lastIndexOf(')');
    const fields = text
      .slice(nameEnd + 2)
      .split(' ')
      .map(Number);
    const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15);
    return {
      name: text.slice(text.indexOf('(') + 1, nameEnd),
      parent: fields[1] ?? 0,
      ownCpuMs: ((user + system) * 1000) / ticksPerSecond,
      cpuMs: ((user + system + childUser + childSystem) * 1000) / ticksPerSecond,
    };
  } catch {
    return null; // It ended meanwhile.
  }
}

async function readChildren(): Promise<ReadonlyMap<number, readonly number[]>> {
  const children = new Map<number, number[]>();
  const names = await readdir('/proc');
  for (const pid of names.map(Number).filter(Number.isInteger)) {
    const stat = await readStat(String(pid));
    if (stat !== null) children.set(stat.parent, [...(children.get(stat.parent) ?? []), pid]);
  }
  return children;
}

async function sumTree(
  pid: number,
  children: ReadonlyMap<number, readonly number[]>,
  roots: ReadonlySet<number>,
): Promise<number> {
  const own = (await readStat(String(pid)))?.cpuMs ?? 0;
  const below = (children.get(pid) ?? []).filter((child) => !roots.has(child));
  const sums = await Promise.all(below.map((child) => sumTree(child, children, roots)));
  return sums.reduce((sum, value) => sum + value, own);
}

/** Processor time of one process so far, in ms, by the names of its threads. */
export async function readThreadTimes(pid: number): Promise<CpuTimes> {
  const times: Record<string, number> = {};
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const path = `${pid}/task/${thread}`;
    const stat = await readStat(path);
    if (stat === null) continue;
    times[stat.name] = (times[stat.name] ?? 0) + stat.ownCpuMs;
  }
  return times;
}
