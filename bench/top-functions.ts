/**
 * Says where the time of a CPU profile went.
 *
 *   node bench/top-functions.ts [--lines 25] FILE.cpuprofile …
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';

import type { CpuProfile } from './inspector.ts';
import { formatProfile, summariseProfile } from './profile-summary.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { lines: { type: 'string', default: '25' } },
});
for (const file of positionals) {
  const profile = JSON.parse(await readFile(file, 'utf8')) as CpuProfile;
  console.log(
    `${formatProfile(basename(file), summariseProfile(profile, Number(values.lines)))}\n`,
  );
}
if (positionals.length === 0) {
  console.error('usage: node bench/top-functions.ts [--lines 25] FILE.cpuprofile …');
  process.exitCode = 2;
}
