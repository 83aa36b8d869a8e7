import { openElementHarness, openTemporalHarness } from '#test/support/element-harness.ts';
import { createTemporalConnection } from '#infra/temporal/temporal-connection.ts';
import { openTemporalFileLifecycle } from '#infra/temporal/temporal-file-lifecycle.ts';
import { testStack } from '#test/support/test-stack.ts';
const n = Number(process.argv[2] ?? 1), rounds = Number(process.argv[3] ?? 30);
const { temporalAddress: address, temporalNamespace: namespace } = testStack();
const temporal = await openTemporalHarness();
const h = await openElementHarness(temporal);
const spans: [string, number, number][] = [];
const w = await h.startWorker({ wrapActivities: (a) => Object.fromEntries(Object.entries(a).map(([k, f]) => [k, async (x: never) => { const t = performance.now(); try { return await (f as any)(x); } finally { spans.push([k, t, performance.now()]); } }])) as never });
const connection = createTemporalConnection({ address, namespace });
const orig = h.catalogue.uploads.stageUploads.bind(h.catalogue.uploads);
h.catalogue.uploads.stageUploads = async (u) => { const t = performance.now(); const r = await orig(u); spans.push(['stageUploads', t, performance.now()]); return r; };
const lifecycle = await openTemporalFileLifecycle({ connection, registry: h.catalogue.uploads });
const sums = new Map<string, number[]>(); const add = (k: string, v: number) => sums.set(k, [...(sums.get(k) ?? []), v]);
for (let i = 0; i < rounds; i++) {
  const us = await h.receiveMany(n); spans.length = 0;
  const t0 = performance.now();
  await Promise.all(us.map((u) => lifecycle.storeFile(u)));
  const t1 = performance.now();
  if (i < 5) continue;
  add('total', t1 - t0);
  const s = spans.filter(([k]) => k !== undefined).sort((a, b) => a[1] - b[1]);
  for (const [k, a, b] of s) add(k, b - a);
  const claim = s.find(([k]) => k === 'claimGroup'), st = s.find(([k]) => k === 'stageUploads'), rec = s.findLast(([k]) => k === 'recordGroup');
  if (claim && st && rec) { add('~start->claim', claim[1] - st[2]); add('~record->answer', t1 - rec[2]); }
  for (let j = 1; j < s.length; j++) if (s[j - 1]![0] !== 'stageUploads') add('~between LAs', s[j]![1] - s[j - 1]![2]);
}
for (const [k, v] of sums) { v.sort((a, b) => a - b); console.log(k.padEnd(18), 'p50', v[v.length >> 1]!.toFixed(1), 'p90', v[Math.floor(v.length * 0.9)]!.toFixed(1)); }
await lifecycle[Symbol.asyncDispose](); await connection[Symbol.asyncDispose](); await w[Symbol.asyncDispose](); await h[Symbol.asyncDispose](); await temporal[Symbol.asyncDispose]();
