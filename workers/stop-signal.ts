/**
 * Aborts when the process is asked to end, or when the supervisor that started it is gone: its
 * IPC channel then closes.
 */
export function listenForStop(): AbortSignal {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop);
  if (process.send !== undefined) {
    process.once('disconnect', stop);
    // Listening alone would keep the process from ending.
    process.channel?.unref();
  }
  return stopping.signal;
}
