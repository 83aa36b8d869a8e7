import type { LatencySummary } from './latencies.ts';

/** What a connection sends again and again. */
export type RequestPlan =
  | {
      readonly kind: 'upload';
      readonly path: string;
      readonly headers: readonly string[];
      /** Every upload has content of its own of this size, as a raw body. */
      readonly sizeBytes: number;
    }
  | {
      readonly kind: 'read';
      readonly paths: readonly string[];
      readonly headers: readonly string[];
    }
  | {
      /** Questions that need a body, JSON. */
      readonly kind: 'ask';
      readonly path: string;
      readonly headers: readonly string[];
      readonly bodies: readonly string[];
    }
  | {
      /** A merge patch unlike the one before it; each connection has a file of its own. */
      readonly kind: 'change';
      readonly paths: readonly string[];
      readonly headers: readonly string[];
    };

interface Window {
  readonly origin: string;
  readonly warmUpMs: number;
  readonly durationMs: number;
  readonly request: RequestPlan;
}

/** Each connection sends its next request when it has the answer: measures throughput. */
export interface ClosedLoopPlan extends Window {
  readonly kind: 'closed-loop';
  readonly connections: number;
}

/**
 * Requests are due at even intervals whatever the server does, and latency counts from the instant
 * a request was due: a server that stalls pays for everything that had to wait.
 */
export interface OpenLoopPlan extends Window {
  readonly kind: 'open-loop';
  readonly perSecond: number;
  readonly connectionsMax: number;
}

/** One large body in one direction. */
export interface TransferPlan {
  readonly kind: 'transfer';
  readonly origin: string;
  readonly direction: 'upload' | 'download';
  readonly path: string;
  readonly headers: readonly string[];
  readonly sizeBytes: number;
  /** Hashes what comes; it costs processor time, so timed runs leave it out. */
  readonly isVerified: boolean;
}

/** Stores files one after another on a few connections and returns the answers' bodies. */
export interface StorePlan {
  readonly kind: 'store';
  readonly origin: string;
  readonly count: number;
  readonly connections: number;
  readonly request: RequestPlan;
}

export type LoadPlan = ClosedLoopPlan | OpenLoopPlan | TransferPlan | StorePlan;

export interface LoopReport {
  readonly kind: 'loop';
  /** Successes that ended inside the window. */
  readonly perSecond: number;
  /** Successes of the whole run, warm-up included: what its processor time was spent on. */
  readonly successes: number;
  readonly latency: LatencySummary;
  /** How late requests were sent, by the generator's own doing or for want of a free connection: part of the latency of an open loop. */
  readonly sendDelay: LatencySummary;
  /** Answers that were not successes, by status; `connection` for broken ones. */
  readonly failures: Readonly<Record<string, number>>;
  readonly startedAt: string;
  readonly endedAt: string;
}

export interface TransferReport {
  readonly kind: 'transfer';
  readonly bytes: number;
  readonly elapsedMs: number;
  readonly mebibytesPerSecond: number;
  readonly answer: string;
  /** SHA-256 of what came, when it was to be verified. */
  readonly checksum: string | null;
}

export interface StoreReport {
  readonly kind: 'store';
  readonly answers: readonly string[];
}

export type LoadReport = LoopReport | TransferReport | StoreReport;
