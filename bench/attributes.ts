/**
 * Cost of the attributes in memory, without any disk or server: what a bulk migration pays per
 * sidecar and a read per catalogue row. Prints microseconds.
 */
import { readFileSync } from 'node:fs';

import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';

const warmUpRuns = 20_000;
const measuredRuns = 100_000;
const found = { storagePath: '2026/01/13/08/', storageFilename: 'x' };

const codec = openAttributesCodec();
const readSample = (name: string) =>
  readFileSync(new URL(import.meta.resolve(`#test/fixtures/sidecars/${name}.attr.json`)));

const v1 = readSample('v1');
const v2 = readSample('v2');
const { attributes } = codec.parseSidecar(v2, found);
const { text } = codec.encodeSidecar(attributes);
const ownBytes = new TextEncoder().encode(text);

const subjects: Record<string, () => unknown> = {
  'v1.0: parse, validate, migrate': () => codec.parseSidecar(v1, found),
  'v1.0: parse, validate, migrate, encode': () =>
    codec.encodeSidecar(codec.parseSidecar(v1, found).attributes),
  'v2.0: parse, validate, check integrity': () => codec.parseSidecar(ownBytes, found),
  'v2.0: encode': () => codec.encodeSidecar(attributes),
  'v2.0: read a catalogue row': () => codec.parseAttributes(text),
};

for (const [name, subject] of Object.entries(subjects)) {
  for (let run = 0; run < warmUpRuns; run += 1) subject();
  const times = new Float64Array(measuredRuns);
  for (let run = 0; run < measuredRuns; run += 1) {
    const start = performance.now();
    subject();
    times[run] = (performance.now() - start) * 1000;
  }
  times.sort();
  const at = (share: number) => (times[Math.floor(measuredRuns * share)] ?? 0).toFixed(1);
  console.log(`${name.padEnd(42)} p50 ${at(0.5).padStart(6)} µs  p99 ${at(0.99).padStart(6)} µs`);
}
