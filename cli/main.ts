import { exitCodes } from './exit-codes.ts';
import { interruptingSignals } from './interruption.ts';
import { runProgram } from './program.ts';

const interruption = new AbortController();

for (const signal of interruptingSignals) {
  process.on(signal, () => {
    // The second one does not wait for anything to end in order.
    if (interruption.signal.aborted) process.exit(exitCodes[signalCode(signal)]);
    interruption.abort(signal);
  });
}

function signalCode(signal: (typeof interruptingSignals)[number]): 'interrupted' | 'terminated' {
  return signal === 'SIGINT' ? 'interrupted' : 'terminated';
}

// A reader that is content with the first lines has closed its end: there is nobody to tell.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? exitCodes.brokenPipe : exitCodes.local);
  });
}

process.exitCode = await runProgram(process.argv.slice(2), {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interruption.signal,
});
