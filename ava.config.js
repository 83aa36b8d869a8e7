// Node 24 runs TypeScript as it is. Worker processes, not threads: Temporal's native module and fault tests need them.
export default {
  extensions: ['ts'],
  workerThreads: false,
  timeout: '5m',
  // Not the machine's: code that depends on the local time zone fails here and not at a user's.
  environmentVariables: { TZ: 'Asia/Novosibirsk' },
};
