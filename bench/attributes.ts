/**
 * Cost of the attributes in memory, without any disk or server: what a bulk migration pays per
 * sidecar and a read per catalogue row. Prints microseconds.
 */
import { attributeSubjects, measureAttributes } from './attribute-costs.ts';

for (const name of attributeSubjects) {
  const { p50Us, p99Us } = measureAttributes(name);
  const [p50, p99] = [p50Us, p99Us].map((value) => value.toFixed(1).padStart(6));
  console.log(`${name.padEnd(42)} p50 ${p50} µs  p99 ${p99} µs`);
}
