import { writeSync } from 'node:fs';
import { pino, stdSerializers, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';
import { censor, redactedKeys, redactSecrets } from './redact-secrets.ts';

const spellings = redactedKeys.flatMap((key) => [
  key,
  key.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
  key.replaceAll('_', '-').toUpperCase(),
]);

export interface LoggerOptions {
  /** Which process writes: `api`, `worker`, `supervisor`. */
  readonly name: string;
  readonly level: string;
  /** Default: standard output; pretty when that is a terminal, JSON lines everywhere else. */
  readonly destination?: DestinationStream;
}

export function createLogger({ destination, ...named }: LoggerOptions): Logger {
  const options = {
    ...named,
    base: { pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { log: redactSecrets },
    // Bindings of children do not pass through the formatter.
    redact: { paths: spellings.map((key) => `["${key}"]`), censor },
    // Drivers hang all sorts of things on their errors.
    serializers: { err: (error: Error) => redactSecrets(stdSerializers.err(error)) },
  };
  if (destination === undefined && process.stdout.isTTY) {
    return pino({ ...options, transport: { target: 'pino-pretty' } });
  }
  // Not for the pretty transport, which wants the number.
  const level = (label: string) => ({ level: label });
  const lines = { ...options, formatters: { ...options.formatters, level } };
  return pino(lines, destination ?? standardOutput);
}

/**
 * A line that cannot be written is dropped: the usual destination repeats it for ever, so that on a
 * full disk a process could neither go on nor end.
 */
const standardOutput: DestinationStream = {
  write(line) {
    const bytes = Buffer.from(line);
    try {
      for (let written = 0; written < bytes.length;) {
        written += writeSync(process.stdout.fd, bytes, written);
      }
    } catch {
      // There is no other place to say it.
    }
  },
};
