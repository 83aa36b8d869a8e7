import { join } from 'node:path';
import type { Bench } from './benchmarks.ts';
import { openProductTarget } from './product-target.ts';
import { storePaths } from './stored-paths.ts';
import { takeTurns, type Trial, type Turn } from './trial.ts';
import type { ProductTarget } from './target.ts';

type End = (product: ProductTarget) => Promise<void>;

const stop: End = async (product) => {
  await product[Symbol.asyncDispose]();
};

/** The supervisor first: it would start the others again. */
const killEverything: End = async (product) => {
  const { supervisor, ...others } = await product.processes();
  for (const pid of [supervisor, ...Object.values(others)]) {
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  }
  await product[Symbol.asyncDispose]();
};

/** A second product, with data of its own; the first one idles meanwhile. */
function startsAfter(name: string, end: End): Trial['measure'] {
  return async (bench) => {
    const used = await openUsed(bench, name);
    await end(used);
    return takeTurns(bench, async () => {
      const startedAt = performance.now();
      const product = await open(bench, name);
      const seconds = (performance.now() - startedAt) / 1000;
      await end(product);
      return { product: { ready_seconds: seconds } } satisfies Turn;
    });
  };
}

function open({ directory, signal }: Bench, name: string): Promise<ProductTarget> {
  return openProductTarget({
    dataDirectory: join(directory, name),
    logFile: join(directory, `${name}.log`),
    allowsInspectors: false,
    signal,
  });
}

async function openUsed(bench: Bench, name: string): Promise<ProductTarget> {
  const product = await open(bench, name);
  try {
    await storePaths(bench, product);
    return product;
  } catch (error) {
    await stop(product);
    throw error;
  }
}

export const startUpTrials: readonly Trial[] = [
  {
    name: 'start-up',
    title: 'start on a data directory that was used before, until ready',
    goals: [{ figure: 'ready_seconds', comparison: 'at most', wanted: 15 }],
    measure: startsAfter('start-up', stop),
  },
  {
    name: 'start-up-killed',
    title: 'the same after kill -9 of everything',
    goals: [{ figure: 'ready_seconds', comparison: 'at most', wanted: 15 }],
    measure: startsAfter('start-up-killed', killEverything),
  },
];
