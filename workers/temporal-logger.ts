import type { LogLevel, LogMetadata, Logger } from '@temporalio/worker';
import type { Logger as PinoLogger } from 'pino';

const levels = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
} as const satisfies Record<LogLevel, string>;

/** The SDK's messages, those of workflows and activities among them, in the process's own log. */
export function createTemporalLogger(logger: PinoLogger): Logger {
  function log(level: LogLevel, message: string, meta: LogMetadata = {}): void {
    const { error, ...attributes } = meta;
    const all = error instanceof Error ? { ...attributes, err: error } : meta;
    logger[levels[level]](all, message);
  }
  return {
    log,
    trace: (message, meta) => log('TRACE', message, meta),
    debug: (message, meta) => log('DEBUG', message, meta),
    info: (message, meta) => log('INFO', message, meta),
    warn: (message, meta) => log('WARN', message, meta),
    error: (message, meta) => log('ERROR', message, meta),
  };
}
