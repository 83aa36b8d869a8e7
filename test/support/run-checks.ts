/**
 * Runs the checks in order of cost and prints `N passed, N failed` alone on the last line.
 *
 *   node test/support/run-checks.ts          format, lint, types, dead code, unit tests (no servers)
 *   node test/support/run-checks.ts --all    the same, then everything that needs real servers
 *
 * A static check counts as one; of the tests each one counts.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

interface Tally {
  passed: number;
  failed: number;
}

interface Stage {
  readonly name: string;
  readonly command: readonly string[];
  /** Count the tests of TAP output; without it the exit code is the one result. */
  readonly isTap?: boolean;
}

const serverTests = ['test/contracts', 'test/integration', 'test/histories', 'test/end-to-end'];
const faultTests = ['test/faults'];
const ava = ['ava', '--tap'];

const staticStages: Stage[] = [
  { name: 'format', command: ['oxfmt', '--check', '.'] },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'types', command: ['tsc', '-p', '.'] },
  { name: 'dead code', command: ['knip'] },
];

const unitStage: Stage = {
  name: 'unit tests',
  isTap: true,
  command: [
    ...ava,
    '{domain,workflows,activities,api,workers,infra,config,bench}/**/*.test.ts',
    'test/*.test.ts',
  ],
};

const serverStages: Stage[] = [
  {
    name: 'contract, integration, replay and end-to-end tests',
    isTap: true,
    command: withStack([...ava, ...serverTests.map((folder) => `${folder}/**/*.test.ts`)]),
  },
  {
    name: 'fault tests',
    isTap: true,
    // One at a time: each of them brings its own servers and kills them.
    command: withStack([
      ...ava,
      '--concurrency=1',
      ...faultTests.map((folder) => `${folder}/**/*.test.ts`),
    ]),
  },
];

function withStack(command: readonly string[]): string[] {
  return ['node', 'test/support/with-stack.ts', ...command];
}

async function runStage(stage: Stage): Promise<Tally> {
  const startedAt = Date.now();
  console.log(`\n== ${stage.name}`);
  const [program = '', ...args] = stage.command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const tests: Tally = { passed: 0, failed: 0 };
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    if (line.startsWith('ok ')) tests.passed += 1;
    if (line.startsWith('not ok ')) tests.failed += 1;
  }
  const [code] = await exited;
  const tally = stage.isTap === true ? judgeTests(tests, code) : judgeExit(code);
  const seconds = Math.round((Date.now() - startedAt) / 1000);
  console.log(`-- ${stage.name}: ${tally.passed} passed, ${tally.failed} failed (${seconds} s)`);
  return tally;
}

function judgeExit(code: number | null): Tally {
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** A run that ends badly, or in which nothing ran, has failed even when no test says so. */
function judgeTests(tests: Tally, code: number | null): Tally {
  const isSilentFailure = tests.failed === 0 && (code !== 0 || tests.passed === 0);
  return isSilentFailure ? { ...tests, failed: 1 } : tests;
}

const stages = [
  ...staticStages,
  unitStage,
  ...(process.argv.includes('--all') ? serverStages : []),
];
const total: Tally = { passed: 0, failed: 0 };
for (const stage of stages) {
  const tally = await runStage(stage);
  total.passed += tally.passed;
  total.failed += tally.failed;
}
process.exitCode = total.failed === 0 ? 0 : 1;
console.log(`\n${total.passed} passed, ${total.failed} failed`);
