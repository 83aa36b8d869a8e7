import type { Bench, Goal } from './benchmarks.ts';
import { median } from './latencies.ts';
import { judgeGoal, type BenchmarkResult, type Figures } from './run-benchmark.ts';

/** What one turn showed, of the product and of what stands beside it. */
export type Turn = Readonly<Record<string, Figures>>;

/** A benchmark that is no load which is sent again and again: it measures by itself. */
export interface Trial {
  readonly name: string;
  readonly title: string;
  readonly goals: readonly Goal[];
  /** As many turns as the settings say. @throws when anything fails: a fault is no figure. */
  measure(bench: Bench): Promise<readonly Turn[]>;
}

export async function runTrial(bench: Bench, trial: Trial): Promise<BenchmarkResult> {
  const { name, title, goals } = trial;
  const turns = await trial.measure(bench);
  const sides = [...new Set(turns.flatMap((turn) => Object.keys(turn)))];
  const figures = Object.fromEntries(sides.map((side) => [side, medians(turns, side)]));
  return {
    name,
    title,
    figures,
    goals: goals.map((goal) => judgeGoal(goal, figures['product'] ?? {})),
    pairs: [],
    turns,
  };
}

function medians(turns: readonly Turn[], side: string): Figures {
  const names = new Set(turns.flatMap((turn) => Object.keys(turn[side] ?? {})));
  return Object.fromEntries(
    [...names].map((name) => {
      const values = turns.flatMap((turn) => turn[side]?.[name as keyof Figures] ?? []);
      return [name, median(values)];
    }),
  );
}

/** One turn after the other, as many as the settings say. */
export async function takeTurns(
  { settings, signal }: Bench,
  take: (index: number) => Promise<Turn>,
): Promise<readonly Turn[]> {
  const turns: Turn[] = [];
  for (let index = 0; index < settings.pairs; index += 1) {
    signal.throwIfAborted();
    turns.push(await take(index));
  }
  return turns;
}
