import type { LoadPlan, LoopReport, TransferReport } from './load-plan.ts';
import type { LoadProcess } from './load-process.ts';
import {
  readCpuTimes,
  readMemory,
  readThreadTimes,
  resetPeakMemory,
  subtractCpuTimes,
  type CpuTimes,
} from './process-usage.ts';
import type { Target } from './target.ts';

export interface MemoryGrowth {
  readonly beforeMib: number;
  readonly peakMib: number;
  readonly growthMib: number;
}

/** What one run of one plan against one target showed. */
export interface Measurement {
  readonly report: LoopReport | TransferReport;
  /** Processor time of every process, the generator's included, warm-up included. */
  readonly cpuMs: CpuTimes;
  /** The Node processes' share of it by thread. */
  readonly threadCpuMs: Readonly<Record<string, CpuTimes>>;
  readonly memory: Readonly<Record<string, MemoryGrowth>>;
}

/** The processes whose memory and threads are looked at: ours, not the servers they use. */
const nodeProcesses = ['api', 'worker', 'bare'];

export async function measure(
  load: LoadProcess,
  target: Target,
  plan: LoadPlan,
): Promise<Measurement> {
  const processes = { ...(await target.processes()), generator: load.pid };
  const own = Object.entries(processes).filter(([name]) => nodeProcesses.includes(name));
  for (const [, pid] of own) await resetPeakMemory(pid);
  const memoryBefore = await collect(own, readMemory);
  const threadsBefore = await collect(own, readThreadTimes);
  const cpuBefore = await readCpuTimes(processes);

  const report = await load.run(plan, plan.kind === 'transfer' ? 'transfer' : 'loop');

  const cpuAfter = await readCpuTimes(processes);
  const threadsAfter = await collect(own, readThreadTimes);
  const memoryAfter = await collect(own, readMemory);
  return {
    report,
    cpuMs: subtractCpuTimes(cpuAfter, cpuBefore),
    threadCpuMs: Object.fromEntries(
      own.map(([name]) => [
        name,
        subtractCpuTimes(threadsAfter[name] ?? {}, threadsBefore[name] ?? {}),
      ]),
    ),
    memory: Object.fromEntries(
      own.map(([name]) => {
        const beforeMib = memoryBefore[name]?.residentMib ?? 0;
        const peakMib = memoryAfter[name]?.peakMib ?? 0;
        return [name, { beforeMib, peakMib, growthMib: Math.max(0, peakMib - beforeMib) }];
      }),
    ),
  };
}

async function collect<Value>(
  processes: readonly (readonly [string, number])[],
  read: (pid: number) => Promise<Value>,
): Promise<Record<string, Value>> {
  const entries = processes.map(async ([name, pid]) => [name, await read(pid)] as const);
  return Object.fromEntries(await Promise.all(entries));
}
