import { bulkTrials } from './bulk-trials.ts';
import { catalogueBenchmarks } from './catalogue-benchmarks.ts';
import { indexTrials } from './index-trials.ts';
import { loopPlan, loopSide } from './loop-plan.ts';
import type { LoadPlan, TransferPlan } from './load-plan.ts';
import type { LoadProcess } from './load-process.ts';
import { startUpTrials } from './start-up-trials.ts';
import { storePaths, uploadRequest } from './stored-paths.ts';
import type { BareTarget, ProductTarget, Target } from './target.ts';
import type { Trial } from './trial.ts';

export interface Settings {
  /** How often product and bare server take turns. */
  readonly pairs: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
  readonly largeBytes: number;
  /** Of the old store that is taken over in each turn. */
  readonly bulkFiles: number;
  readonly suggestDocuments: number;
}

export interface Bench {
  readonly load: LoadProcess;
  readonly product: ProductTarget;
  readonly bare: BareTarget;
  readonly settings: Settings;
  /** Of this run, on the disk that is measured; removed afterwards. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

export type SideName = 'product' | 'bare' | 'bare_without_hash';

/** One of those that take turns in a benchmark. */
export interface Side {
  readonly name: SideName;
  readonly target: Target;
  plan(): Promise<LoadPlan>;
}

export type FigureName =
  | 'per_second'
  | 'p50_ms'
  | 'p99_ms'
  | 'mib_per_second'
  | 'ratio'
  | 'mean_group'
  | 'api_growth_mib'
  | 'worker_growth_mib'
  | 'fill_seconds'
  | 'lag_events'
  | 'drain_seconds'
  | 'ready_seconds'
  | 'files_per_second'
  | 'worker_peak_mib'
  | 'history_events'
  | 'latency_ratio';

export interface Goal {
  readonly figure: FigureName;
  readonly comparison: 'at least' | 'at most';
  readonly wanted: number;
}

export interface Benchmark {
  readonly name: string;
  readonly title: string;
  readonly goals: readonly Goal[];
  /** Uploads are committed in groups; their mean size is a figure. */
  readonly hasGroups: boolean;
  /** Puts into place what is needed; the product comes first, what it is compared with, if anything, second. */
  prepare(bench: Bench): Promise<readonly Side[]>;
}

const kibibyte = 1024;
const mebibyte = 1_048_576;
const warmUpBytes = 64 * mebibyte;

/** A closed loop with so many connections, or an open one with so many requests a second. */
export type LoopOptions = { readonly connections: number } | { readonly perSecond: number };

function uploads(sizeBytes: number, options: LoopOptions): Benchmark['prepare'] {
  return (bench) => {
    const side = (target: BareTarget | ProductTarget): Side => ({
      name: target.name,
      target,
      plan: async () =>
        loopPlan(bench.settings, target.origin, {
          options,
          request: await uploadRequest(target, sizeBytes),
        }),
    });
    return Promise.resolve([side(bench.product), side(bench.bare)]);
  };
}

function reads(options: LoopOptions): Benchmark['prepare'] {
  return async (bench) => {
    const side = async (target: BareTarget | ProductTarget): Promise<Side> => {
      const paths = await storePaths(bench, target);
      return loopSide(bench.settings, target, { options, request: { kind: 'read', paths } });
    };
    return [await side(bench.product), await side(bench.bare)];
  };
}

function changes(options: LoopOptions): Benchmark['prepare'] {
  return async (bench) => {
    const { settings, product } = bench;
    const paths = await storePaths(bench, product);
    return [loopSide(settings, product, { options, request: { kind: 'change', paths } })];
  };
}

interface StoredFile {
  readonly file_id: string;
  readonly checksum: { readonly value: string };
}

async function transferPlan(
  bench: Bench,
  target: Target,
  transfer: { readonly direction: 'upload' | 'download'; readonly path: string },
): Promise<TransferPlan> {
  return {
    kind: 'transfer',
    origin: target.origin,
    ...transfer,
    headers: [
      ...(await target.authorize()),
      ...(transfer.direction === 'upload' ? ['Content-Type: application/octet-stream'] : []),
    ],
    sizeBytes: bench.settings.largeBytes,
    isVerified: false,
  };
}

async function largeUploads(bench: Bench): Promise<readonly Side[]> {
  const side = async (target: BareTarget | ProductTarget): Promise<Side> => {
    const plan = () =>
      transferPlan(bench, target, { direction: 'upload', path: target.uploadPath });
    // What a process needs once, for its first upload of all, is no cost of a large one.
    const sizeBytes = Math.min(warmUpBytes, bench.settings.largeBytes);
    await bench.load.run({ ...(await plan()), sizeBytes }, 'transfer');
    return { name: target.name, target, plan };
  };
  return [await side(bench.product), await side(bench.bare)];
}

async function largeDownloads(bench: Bench): Promise<readonly Side[]> {
  const { product, bare, load } = bench;
  const store = async (target: Target): Promise<StoredFile> => {
    const upload = { direction: 'upload', path: target.uploadPath } as const;
    const { answer } = await load.run(await transferPlan(bench, target, upload), 'transfer');
    return JSON.parse(answer) as StoredFile;
  };
  const side = async (name: SideName, target: Target, what: Download): Promise<Side> => {
    const plan = () => transferPlan(bench, target, { direction: 'download', path: what.path });
    // Once, and not in a run that counts: are these the bytes whose digest was recorded?
    const { checksum } = await load.run({ ...(await plan()), isVerified: true }, 'transfer');
    if (checksum !== what.checksum) throw new Error(`the download from ${name} has other bytes`);
    return { name, target, plan };
  };
  const ours = await store(product);
  const theirs = await store(bare);
  const ourPath = product.contentPath(ours.file_id);
  return [
    await side('product', product, { path: ourPath, checksum: ours.checksum.value }),
    await side('bare', bare, {
      path: bare.hashedContentPath(theirs.file_id),
      checksum: theirs.checksum.value,
    }),
    await side('bare_without_hash', bare, {
      path: bare.contentPath(theirs.file_id),
      checksum: theirs.checksum.value,
    }),
  ];
}

interface Download {
  readonly path: string;
  readonly checksum: string;
}

const flatMemory: readonly Goal[] = [
  { figure: 'api_growth_mib', comparison: 'at most', wanted: 50 },
  { figure: 'worker_growth_mib', comparison: 'at most', wanted: 50 },
];

export const benchmarks: readonly (Benchmark | Trial)[] = [
  {
    name: 'upload-4k',
    title: 'durable uploads of 4 KiB, closed loop, 64 connections',
    hasGroups: true,
    goals: [
      { figure: 'per_second', comparison: 'at least', wanted: 400 },
      { figure: 'mean_group', comparison: 'at least', wanted: 8 },
    ],
    prepare: uploads(4 * kibibyte, { connections: 64 }),
  },
  {
    name: 'upload-4k-open',
    title: 'durable uploads of 4 KiB, open loop, 100/s',
    hasGroups: true,
    goals: [
      { figure: 'p50_ms', comparison: 'at most', wanted: 60 },
      { figure: 'p99_ms', comparison: 'at most', wanted: 150 },
    ],
    prepare: uploads(4 * kibibyte, { perSecond: 100 }),
  },
  {
    name: 'upload-1m',
    title: 'durable uploads of 1 MiB, closed loop, 64 connections',
    hasGroups: true,
    goals: [{ figure: 'per_second', comparison: 'at least', wanted: 180 }],
    prepare: uploads(mebibyte, { connections: 64 }),
  },
  {
    name: 'upload-1m-open',
    title: 'durable uploads of 1 MiB, open loop, 50/s',
    hasGroups: true,
    goals: [],
    prepare: uploads(mebibyte, { perSecond: 50 }),
  },
  {
    name: 'upload-1g',
    title: 'upload of one large file',
    hasGroups: false,
    goals: [{ figure: 'ratio', comparison: 'at least', wanted: 0.7 }, ...flatMemory],
    prepare: largeUploads,
  },
  {
    name: 'download-1g',
    title: 'download of one large file, compared with a server that hashes too',
    hasGroups: false,
    goals: [{ figure: 'ratio', comparison: 'at least', wanted: 0.8 }, ...flatMemory],
    prepare: largeDownloads,
  },
  {
    name: 'read',
    title: "reads of a file's attributes, closed loop, 32 connections",
    hasGroups: false,
    goals: [{ figure: 'per_second', comparison: 'at least', wanted: 2000 }],
    prepare: reads({ connections: 32 }),
  },
  {
    name: 'read-open',
    title: "reads of a file's attributes, open loop, 500/s",
    hasGroups: false,
    goals: [{ figure: 'p99_ms', comparison: 'at most', wanted: 10 }],
    prepare: reads({ perSecond: 500 }),
  },
  {
    name: 'patch-alone',
    title: 'changes of attributes, closed loop, 1 connection',
    hasGroups: false,
    goals: [{ figure: 'p50_ms', comparison: 'at most', wanted: 80 }],
    prepare: changes({ connections: 1 }),
  },
  {
    name: 'patch',
    title: 'changes of attributes, closed loop, 8 connections',
    hasGroups: false,
    goals: [{ figure: 'per_second', comparison: 'at least', wanted: 25 }],
    prepare: changes({ connections: 8 }),
  },
  ...catalogueBenchmarks,
  ...indexTrials,
  ...startUpTrials,
  ...bulkTrials,
];
