import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Bench, Benchmark, Side } from './benchmarks.ts';
import { openInspector, type Inspector } from './inspector.ts';
import { summariseProfile, type ProfileSummary } from './profile-summary.ts';
import { runSide } from './run-benchmark.ts';

export interface TurnProfile {
  readonly benchmark: string;
  readonly process: string;
  readonly thread: string;
  readonly file: string;
  readonly summary: ProfileSummary;
}

const profiledProcesses = ['api', 'worker'];
const linesInResults = 30;

/** One more turn of the product, which no figure is taken from, with CPU profiles of its processes. */
export async function profileTurn(
  bench: Bench,
  turn: { readonly benchmark: Benchmark; readonly side: Side; readonly directory: string },
): Promise<readonly TurnProfile[]> {
  const processes = await bench.product.processes();
  const inspectors = new Map<string, Inspector>();
  try {
    for (const name of profiledProcesses) {
      const pid = processes[name];
      if (pid === undefined) throw new Error(`the product has no process ${name}`);
      inspectors.set(name, await openInspector(pid));
    }
    for (const inspector of inspectors.values()) await inspector.startProfile();
    await runSide(bench, turn.benchmark, turn.side);
    await mkdir(turn.directory, { recursive: true });
    const profiles: TurnProfile[] = [];
    for (const [process, inspector] of inspectors) {
      for (const [index, { thread, profile }] of (await inspector.stopProfile()).entries()) {
        const file = join(turn.directory, `${turn.benchmark.name}-${process}-${index}.cpuprofile`);
        await writeFile(file, JSON.stringify(profile));
        const summary = summariseProfile(profile, linesInResults);
        profiles.push({ benchmark: turn.benchmark.name, process, thread, file, summary });
      }
    }
    return profiles;
  } finally {
    for (const inspector of inspectors.values()) inspector[Symbol.dispose]();
  }
}
