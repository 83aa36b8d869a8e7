import type { Bench, Benchmark, FigureName, Goal, Side } from './benchmarks.ts';
import { countGroups, type GroupCount } from './group-count.ts';
import { median } from './latencies.ts';
import { measure, type Measurement } from './measurement.ts';
import type { Turn } from './trial.ts';

type SideMeasurement = Measurement & { readonly groups?: GroupCount };

/** One turn of each side, in the order in which they ran. */
export type Pair = Readonly<Record<string, SideMeasurement>>;

export type Figures = Partial<Record<FigureName, number>>;

export interface JudgedGoal extends Goal {
  readonly seen: number;
  readonly isReached: boolean;
}

export interface BenchmarkResult {
  readonly name: string;
  readonly title: string;
  /** Medians over the pairs; `ratio` is the median of the ratios of each pair. */
  readonly figures: Readonly<Record<string, Figures>>;
  readonly goals: readonly JudgedGoal[];
  readonly pairs: readonly Pair[];
  /** Of a trial, which has no pairs. */
  readonly turns?: readonly Turn[];
}

/** Lets the sides take turns (A B A B …), so that whatever the machine does hits all alike. */
export async function runBenchmark(
  bench: Bench,
  benchmark: Benchmark,
  sides: readonly Side[],
): Promise<BenchmarkResult> {
  const pairs: Pair[] = [];
  for (let index = 0; index < bench.settings.pairs; index += 1) {
    const pair: Record<string, SideMeasurement> = {};
    for (const side of sides) pair[side.name] = await runSide(bench, benchmark, side);
    pairs.push(pair);
  }
  const figures = Object.fromEntries(sides.map(({ name }) => [name, readFigures(name, pairs)]));
  return {
    name: benchmark.name,
    title: benchmark.title,
    figures,
    goals: benchmark.goals.map((goal) => judgeGoal(goal, figures['product'] ?? {})),
    pairs,
  };
}

export async function runSide(
  bench: Bench,
  benchmark: Benchmark,
  side: Side,
): Promise<SideMeasurement> {
  const measurement = await measure(bench.load, side.target, await side.plan());
  const { report } = measurement;
  if (!benchmark.hasGroups || side.name !== 'product' || report.kind !== 'loop') {
    return measurement;
  }
  return { ...measurement, groups: await countGroups(bench.product.postgresUrl, report) };
}

function readFigures(name: string, pairs: readonly Pair[]): Figures {
  const measurements = pairs.flatMap((pair) => pair[name] ?? []);
  const medianOf = (read: (measurement: SideMeasurement) => number | undefined) => {
    const values = measurements.map(read).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : median(values);
  };
  const figures: Partial<Record<FigureName, number | undefined>> = {
    per_second: medianOf(({ report }) => (report.kind === 'loop' ? report.perSecond : undefined)),
    p50_ms: medianOf(({ report }) => (report.kind === 'loop' ? report.latency.p50Ms : undefined)),
    p99_ms: medianOf(({ report }) => (report.kind === 'loop' ? report.latency.p99Ms : undefined)),
    mib_per_second: medianOf(({ report }) =>
      report.kind === 'transfer' ? report.mebibytesPerSecond : undefined,
    ),
    ratio: name === 'product' ? readRatio(pairs) : undefined,
    mean_group: medianOf(({ groups }) => groups?.mean),
    api_growth_mib: maximumGrowth(measurements, 'api'),
    worker_growth_mib: maximumGrowth(measurements, 'worker'),
  };
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== undefined));
}

/** Of throughput, pair by pair. */
function readRatio(pairs: readonly Pair[]): number | undefined {
  const ratios = pairs.flatMap(({ product, bare }) =>
    product === undefined || bare === undefined ? [] : [speedOf(product) / speedOf(bare)],
  );
  return ratios.length === 0 ? undefined : median(ratios);
}

export function speedOf({ report }: Measurement): number {
  return report.kind === 'loop' ? report.perSecond : report.mebibytesPerSecond;
}

/** The worst of all turns: a peak is no matter of averages. */
function maximumGrowth(measurements: readonly Measurement[], name: string): number | undefined {
  const growths = measurements.flatMap(({ memory }) => memory[name]?.growthMib ?? []);
  return growths.length === 0 ? undefined : Math.max(...growths);
}

export function judgeGoal(goal: Goal, figures: Figures): JudgedGoal {
  const seen = figures[goal.figure] ?? Number.NaN;
  const isReached = goal.comparison === 'at least' ? seen >= goal.wanted : seen <= goal.wanted;
  return { ...goal, seen, isReached };
}
