// Node 24 runs TypeScript as it is. Worker processes, not threads: Temporal's native module and fault tests need them.
export default {
  extensions: { ts: 'module' },
  workerThreads: false,
  timeout: '5m',
  environmentVariables: { TZ: 'Asia/Novosibirsk' },
};
