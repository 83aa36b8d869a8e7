/** Measures the product beside a bare Node server; see docs/performance.md. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { databaseUrl, openBareTarget } from './bare-target.ts';
import { benchmarks, type Bench } from './benchmarks.ts';
import { requireDurableDatabase, type DatabaseSettings } from './durability.ts';
import { openLoadProcess } from './load-process.ts';
import { describeCommit, describeMachine, findFileSystem } from './machine.ts';
import { parseOptions, usage, type Options } from './options.ts';
import { openProductTarget } from './product-target.ts';
import { formatProfile } from './profile-summary.ts';
import { profileTurn, type TurnProfile } from './profile-turn.ts';
import { formatResult, hasFailures, method, type Results } from './report.ts';
import { runBenchmark, type BenchmarkResult } from './run-benchmark.ts';
import { runTrial } from './trial.ts';

const resultsDirectory = fileURLToPath(new URL('results', import.meta.url));
const temporalDatabase = 'temporal';

async function requireDurability(
  postgresUrl: string,
): Promise<Readonly<Record<string, DatabaseSettings>>> {
  return {
    catalogue: await requireDurableDatabase(postgresUrl),
    temporal: await requireDurableDatabase(databaseUrl(postgresUrl, temporalDatabase)),
  };
}

interface Run {
  readonly options: Options;
  readonly directory: string;
  readonly signal: AbortSignal;
}

async function runAll({ options, directory, signal }: Run): Promise<Results> {
  const startedAt = new Date().toISOString();
  console.log('starting the product');
  await using product = await openProductTarget({
    dataDirectory: join(directory, 'product'),
    logFile: join(directory, 'product.log'),
    allowsInspectors: options.profileDirectory !== null,
    signal,
  });
  const databases = await requireDurability(product.postgresUrl);
  await using bare = await openBareTarget({
    directory: join(directory, 'bare'),
    postgresUrl: product.postgresUrl,
  });
  await using load = openLoadProcess(signal);
  const bench: Bench = { load, product, bare, settings: options, directory, signal };
  const results: BenchmarkResult[] = [];
  const profiles: TurnProfile[] = [];
  for (const benchmark of benchmarks.filter(({ name }) => options.names.includes(name))) {
    if ('measure' in benchmark) {
      const result = await runTrial(bench, benchmark);
      results.push(result);
      console.log(`\n${formatResult(result)}`);
      continue;
    }
    const sides = await benchmark.prepare(bench);
    const result = await runBenchmark(bench, benchmark, sides);
    results.push(result);
    console.log(`\n${formatResult(result)}`);
    const [side] = sides;
    if (options.profileDirectory === null || side === undefined) continue;
    const turn = { benchmark, side, directory: options.profileDirectory };
    profiles.push(...(await profileTurn(bench, turn)));
  }
  return {
    started_at: startedAt,
    commit: await describeCommit(),
    machine: await describeMachine(directory),
    databases,
    method,
    options,
    benchmarks: results,
    profiles,
  };
}

async function writeResults(options: Options, results: Results): Promise<void> {
  const name = `${results.started_at.slice(0, 10)}-${results.commit.commit}.json`;
  const file = options.output ?? join(resultsDirectory, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(results, null, 2)}\n`);
  console.log(`\nresults in ${file}`);
}

function printSummary(results: Results): void {
  const { machine, commit } = results;
  console.log(
    `\n${machine.cpu}, ${machine.cores} cores, ${machine.memoryMib} MiB, Linux ${machine.kernel},`,
    `${machine.fileSystem.type} on ${machine.fileSystem.device}, Node ${machine.node},`,
    `commit ${commit.commit}${commit.isModified ? ' with changes' : ''}\n`,
  );
  for (const result of results.benchmarks) console.log(`${formatResult(result)}\n`);
  for (const { benchmark, process, thread, summary } of results.profiles) {
    console.log(`${formatProfile(`${benchmark}, ${process}, ${thread}`, summary)}\n`);
  }
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === null) {
    console.log(usage);
    return;
  }
  await findFileSystem(options.directory);
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  const directory = await mkdtemp(join(options.directory, 'artstore-bench-'));
  try {
    const results = await runAll({ options, directory, signal: stop.signal });
    printSummary(results);
    await writeResults(options, results);
    // A goal that is missed is a figure; a request that fails is a fault.
    if (hasFailures(results)) process.exitCode = 1;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  // A refusal says what is wrong; where in this code it was found helps nobody.
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
