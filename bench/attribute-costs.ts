import { readFileSync } from 'node:fs';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';

const warmUpRuns = 20_000;
const measuredRuns = 100_000;
const found = { storagePath: '2026/01/13/08/', storageFilename: 'x' };

export interface AttributeCost {
  readonly p50Us: number;
  readonly p99Us: number;
}

const readSample = (name: string) =>
  readFileSync(new URL(import.meta.resolve(`#test/fixtures/sidecars/${name}.attr.json`)));

function makeSubjects() {
  const codec = openAttributesCodec();
  const v1 = readSample('v1');
  const { attributes } = codec.parseSidecar(readSample('v2'), found);
  const { text } = codec.encodeSidecar(attributes);
  const ownBytes = new TextEncoder().encode(text);
  return {
    'v1.0: parse, validate, migrate': () => codec.parseSidecar(v1, found),
    'v1.0: parse, validate, migrate, encode': () =>
      codec.encodeSidecar(codec.parseSidecar(v1, found).attributes),
    'v2.0: parse, validate, check integrity': () => codec.parseSidecar(ownBytes, found),
    'v2.0: encode': () => codec.encodeSidecar(attributes),
    'v2.0: read a catalogue row': () => codec.parseAttributes(text),
  } satisfies Record<string, () => unknown>;
}

const subjects = makeSubjects();
export type AttributeSubject = keyof typeof subjects;
export const attributeSubjects = Object.keys(subjects) as AttributeSubject[];

/** In memory, without any disk or server. */
export function measureAttributes(name: AttributeSubject): AttributeCost {
  const subject: () => unknown = subjects[name];
  for (let run = 0; run < warmUpRuns; run += 1) subject();
  const times = new Float64Array(measuredRuns);
  for (let run = 0; run < measuredRuns; run += 1) {
    const start = performance.now();
    subject();
    times[run] = (performance.now() - start) * 1000;
  }
  times.sort();
  const at = (share: number) => times[Math.floor(measuredRuns * share)] ?? 0;
  return { p50Us: at(0.5), p99Us: at(0.99) };
}
