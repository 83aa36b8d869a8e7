/**
 * The generator of load, a process of its own: `load-process.ts` starts it, sends it one plan at a
 * time over IPC and gets one report back.
 */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import {
  openConnection,
  parseAddress,
  type Address,
  type HttpConnection,
} from './http-connection.ts';
import { summariseLatencies } from './latencies.ts';
import type {
  ClosedLoopPlan,
  LoadPlan,
  LoadReport,
  LoopReport,
  OpenLoopPlan,
  StorePlan,
  StoreReport,
  TransferPlan,
  TransferReport,
} from './load-plan.ts';
import { createLargeBody, createRequests, formatHead } from './load-requests.ts';

const retryPauseMs = 100;

interface Lane {
  readonly address: Address;
  connection: HttpConnection;
  readonly nextRequest: () => Uint8Array;
}

interface Recorder {
  /** @param dueAt when it should have been sent, @param sentAt when it was; both in ms of `performance.now()`. */
  record(dueAt: number, sentAt: number, status: number | null): void;
  report(): LoopReport;
}

async function openLanes(plan: ClosedLoopPlan | OpenLoopPlan, count: number): Promise<Lane[]> {
  const address = parseAddress(plan.origin);
  return Promise.all(
    Array.from({ length: count }, async (_, index) => ({
      address,
      connection: await openConnection(address),
      nextRequest: createRequests(plan.request, index),
    })),
  );
}

/** Counts what ended inside the window, which starts after the warm-up. */
function createRecorder(plan: ClosedLoopPlan | OpenLoopPlan, startsAt: number): Recorder {
  const windowStart = startsAt + plan.warmUpMs;
  const windowEnd = windowStart + plan.durationMs;
  const clockOffset = Date.now() - performance.now();
  const latenciesMs: number[] = [];
  const sendDelaysMs: number[] = [];
  const failures: Record<string, number> = {};
  let endedInside = 0;
  let successes = 0;

  // An open loop judges what was due in the window, however late it ended; a closed one what ended in it.
  function isCounted(dueAt: number, endedAt: number): boolean {
    const at = plan.kind === 'open-loop' ? dueAt : endedAt;
    return at >= windowStart && at < windowEnd;
  }

  return {
    record(dueAt, sentAt, status) {
      const endedAt = performance.now();
      if (status === null || status < 200 || status > 299 || status === 202) {
        const key = String(status ?? 'connection');
        failures[key] = (failures[key] ?? 0) + 1;
        return;
      }
      successes += 1;
      if (endedAt >= windowStart && endedAt < windowEnd) endedInside += 1;
      if (!isCounted(dueAt, endedAt)) return;
      latenciesMs.push(endedAt - dueAt);
      sendDelaysMs.push(sentAt - dueAt);
    },
    report: () => ({
      kind: 'loop',
      perSecond: endedInside / (plan.durationMs / 1000),
      successes,
      latency: summariseLatencies(latenciesMs),
      sendDelay: summariseLatencies(sendDelaysMs),
      failures,
      startedAt: new Date(clockOffset + windowStart).toISOString(),
      endedAt: new Date(clockOffset + windowEnd).toISOString(),
    }),
  };
}

/** @returns the status; null when the connection broke under the request. */
async function exchangeOnce(lane: Lane): Promise<number | null> {
  try {
    // Closed while it was idle, which a server may do, or broken by the request before.
    if (!lane.connection.isOpen) lane.connection = await openConnection(lane.address);
    const answer = await lane.connection.exchange(lane.nextRequest());
    return answer.status;
  } catch {
    return null;
  }
}

async function runClosedLoop(plan: ClosedLoopPlan): Promise<LoopReport> {
  const lanes = await openLanes(plan, plan.connections);
  const startsAt = performance.now();
  const endsAt = startsAt + plan.warmUpMs + plan.durationMs;
  const recorder = createRecorder(plan, startsAt);
  await Promise.all(
    lanes.map(async (lane) => {
      for (let sentAt = performance.now(); sentAt < endsAt; sentAt = performance.now()) {
        const status = await exchangeOnce(lane);
        recorder.record(sentAt, sentAt, status);
        // A server that refuses connections is not asked as fast as it can refuse.
        if (status === null) await delay(retryPauseMs);
      }
      lane.connection.close();
    }),
  );
  return recorder.report();
}

/** Never early: timers cut fractions of a millisecond off. Late is what `sendDelay` reports. */
async function delayUntil(dueAt: number): Promise<void> {
  for (;;) {
    const waitMs = dueAt - performance.now();
    if (waitMs <= 0) return;
    await delay(Math.ceil(waitMs));
  }
}

async function runOpenLoop(plan: OpenLoopPlan): Promise<LoopReport> {
  const lanes = await openLanes(plan, plan.connectionsMax);
  const free = [...lanes];
  const overdue: number[] = [];
  const intervalMs = 1000 / plan.perSecond;
  const total = Math.round((plan.warmUpMs + plan.durationMs) / intervalMs);
  const startsAt = performance.now();
  const recorder = createRecorder(plan, startsAt);
  const ended = Promise.withResolvers<void>();
  let endedCount = 0;

  async function send(lane: Lane, dueAt: number): Promise<void> {
    const sentAt = performance.now();
    const status = await exchangeOnce(lane);
    recorder.record(dueAt, sentAt, status);
    endedCount += 1;
    if (endedCount === total) ended.resolve();
    const nextDueAt = overdue.shift();
    if (nextDueAt === undefined) free.push(lane);
    else void send(lane, nextDueAt);
  }

  for (let index = 0; index < total; index += 1) {
    const dueAt = startsAt + index * intervalMs;
    await delayUntil(dueAt);
    const lane = free.pop();
    if (lane === undefined) overdue.push(dueAt);
    else void send(lane, dueAt);
  }
  await ended.promise;
  for (const lane of lanes) lane.connection.close();
  return recorder.report();
}

async function runTransfer(plan: TransferPlan): Promise<TransferReport> {
  const connection = await openConnection(parseAddress(plan.origin));
  const startedAt = performance.now();
  const hash = plan.isVerified ? createHash('sha256') : null;
  // The server closes: if we did, it might not have noticed yet that all was sent.
  const headers = [...plan.headers, 'Connection: close'];
  const answer =
    plan.direction === 'upload'
      ? await connection.exchangeStream(
          formatHead('POST', plan.path, [...headers, `Content-Length: ${plan.sizeBytes}`]),
          createLargeBody(plan.sizeBytes),
        )
      : await connection.exchange(Buffer.from(formatHead('GET', plan.path, headers)), {
          onBody: (chunk) => hash?.update(chunk),
        });
  const elapsedMs = performance.now() - startedAt;
  const bytes = plan.direction === 'upload' ? plan.sizeBytes : answer.bodyBytes;
  if (answer.status < 200 || answer.status > 201 || bytes !== plan.sizeBytes) {
    throw new Error(`a transfer ended with ${answer.status} and ${bytes} bytes: ${answer.body}`);
  }
  return {
    kind: 'transfer',
    bytes,
    elapsedMs,
    mebibytesPerSecond: bytes / 1_048_576 / (elapsedMs / 1000),
    answer: answer.body,
    checksum: hash?.digest('hex') ?? null,
  };
}

async function runStore(plan: StorePlan): Promise<StoreReport> {
  const address = parseAddress(plan.origin);
  const answers: string[] = [];
  let started = 0;
  await Promise.all(
    Array.from({ length: plan.connections }, async (_, index) => {
      const connection = await openConnection(address);
      const nextRequest = createRequests(plan.request, index);
      while (started < plan.count) {
        started += 1;
        const answer = await connection.exchange(nextRequest(), { keepsBody: true });
        if (answer.status !== 201) {
          throw new Error(`an upload ended with ${answer.status}: ${answer.body}`);
        }
        answers.push(answer.body);
      }
      connection.close();
    }),
  );
  return { kind: 'store', answers };
}

function runPlan(plan: LoadPlan): Promise<LoadReport> {
  if (plan.kind === 'closed-loop') return runClosedLoop(plan);
  if (plan.kind === 'open-loop') return runOpenLoop(plan);
  return plan.kind === 'transfer' ? runTransfer(plan) : runStore(plan);
}

process.on('message', (plan: LoadPlan) => {
  runPlan(plan).then(
    (report) => process.send?.({ report }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
