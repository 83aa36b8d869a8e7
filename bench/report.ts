import type { FigureName } from './benchmarks.ts';
import type { DatabaseSettings } from './durability.ts';
import type { Commit, Machine } from './machine.ts';
import type { Options } from './options.ts';
import type { TurnProfile } from './profile-turn.ts';
import { speedOf, type BenchmarkResult, type Figures, type JudgedGoal } from './run-benchmark.ts';

/** What the results file holds. */
export interface Results {
  readonly started_at: string;
  readonly commit: Commit;
  readonly machine: Machine;
  readonly databases: Readonly<Record<string, DatabaseSettings>>;
  readonly method: readonly string[];
  readonly options: Options;
  readonly benchmarks: readonly BenchmarkResult[];
  readonly profiles: readonly TurnProfile[];
}

export const method: readonly string[] = [
  'The whole product (npm start) and a bare Node server run on one machine, with their data on one file system and their tables on one PostgreSQL; the generator of load is a process of its own on the same cores.',
  'Product and bare server take turns (A B A B …); ratios are taken pair by pair, figures are medians over the turns, peaks of memory their maximum.',
  'Closed loop: every connection sends its next request when it has the answer; what ended inside the window after the warm-up counts.',
  'Open loop: requests are due at even intervals whatever the server does, and latency counts from the instant a request was due.',
  'Percentiles are exact (nearest rank over all requests). Only 200 and 201 are successes; a 202 is none.',
  'Uploads have raw bodies of incompressible bytes, unlike one another. One upload of 64 MiB warms each side up before the large ones. Downloads come from the page cache; one download of each side is hashed by the client before the turns.',
  'Growth of memory is VmHWM after a turn, reset before it, less VmRSS before it.',
  'A document is fresh when a search by the index finds it; it is asked for every 20 ms from its 201 on. The lag drains from the end of the uploads until no event is behind.',
  'A start lasts from the start of the process until its ready.json stands there; npm and what it does before are not in it.',
  'Bulk work takes the instants of its operation. Bare loops run in a process of their own with 16 file threads, in the same turn: reading is listing, one stat of the content and one read of the sidecar for each file; writing is, for each group of 64, temporary name, fsync and rename of each and then an fsync of each directory.',
  'The group size is the number of uploads stored in the window, divided by the number of their groups, from the rows of the product.',
];

const units: Readonly<Record<FigureName, string>> = {
  per_second: '/s',
  p50_ms: 'ms p50',
  p99_ms: 'ms p99',
  mib_per_second: 'MiB/s',
  ratio: '× bare',
  mean_group: 'files a group',
  api_growth_mib: 'MiB growth of the API',
  worker_growth_mib: 'MiB growth of the worker',
  fill_seconds: 's to fill the index',
  lag_events: 'events behind',
  drain_seconds: 's until nothing is behind',
  ready_seconds: 's until ready',
  files_per_second: 'files/s',
  worker_peak_mib: 'MiB peak of the worker',
  history_events: 'events in the longest history',
  latency_ratio: '× idle',
};

export function formatResult(result: BenchmarkResult): string {
  const sides = Object.entries(result.figures).map(
    ([name, figures]) => `    ${name.padEnd(18)} ${formatFigures(figures)}`,
  );
  return [
    `${result.name}: ${result.title}`,
    ...sides,
    ...result.goals.map(formatGoal),
    ...formatFailures(result),
    ...formatCourse(result),
  ].join('\n');
}

function formatFigures(figures: Figures): string {
  return Object.entries(figures)
    .map(([name, value]) => `${formatNumber(value)} ${units[name as FigureName]}`)
    .join(', ');
}

function formatGoal(goal: JudgedGoal): string {
  const sign = goal.comparison === 'at least' ? '≥' : '≤';
  const wanted = `${sign} ${goal.wanted} ${units[goal.figure]}`;
  return `    ${goal.isReached ? 'reached' : 'MISSED '}            ${formatNumber(goal.seen)}, goal ${wanted}`;
}

function formatFailures({ pairs }: BenchmarkResult): string[] {
  return listFailures(pairs).map((failures) => `    FAILED             ${failures}`);
}

function formatCourse(result: BenchmarkResult): string[] {
  if (result.turns !== undefined) {
    return result.turns.map((turn, index) => {
      const sides = Object.entries(turn).map(
        ([name, figures]) => `${name} ${formatFigures(figures)}`,
      );
      return `    turn ${index + 1}             ${sides.join('; ')}`;
    });
  }
  return [
    `    turns              ${formatTurns(result)}`,
    `    processor time     ${formatCpu(result)}`,
  ];
}

/** Throughput of every turn: how far apart they are says how much a median is worth. */
function formatTurns({ pairs }: BenchmarkResult): string {
  return pairs
    .map((pair) =>
      Object.values(pair)
        .map((turn) => formatNumber(speedOf(turn)))
        .join(' : '),
    )
    .join(', ');
}

/** One line for each turn in which requests failed. */
function listFailures(pairs: BenchmarkResult['pairs']): string[] {
  return pairs.flatMap((pair, index) =>
    Object.entries(pair).flatMap(([name, { report }]) => {
      if (report.kind !== 'loop' || Object.keys(report.failures).length === 0) return [];
      return [`${name}, turn ${index + 1}: ${JSON.stringify(report.failures)}`];
    }),
  );
}

export function hasFailures(results: Results): boolean {
  return results.benchmarks.some(({ pairs }) => listFailures(pairs).length > 0);
}

/** Of the product, for one request; for a transfer the whole of it. Idle processes count too. */
function formatCpu({ pairs }: BenchmarkResult): string {
  const last = pairs.at(-1)?.['product'];
  if (last === undefined) return '';
  const requests = last.report.kind === 'loop' ? Math.max(1, last.report.successes) : 1;
  const parts = Object.entries(last.cpuMs)
    .filter(([, cpuMs]) => cpuMs > 0)
    .map(([name, cpuMs]) => `${name} ${formatNumber(cpuMs / requests)}`);
  return `ms per request of the product: ${parts.join(', ')}`;
}

export function formatNumber(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2);
}
