/** One critical section per key, in the order of arrival; keys that nobody holds cost nothing. */
export interface KeyedMutex<Key> {
  run<Result>(key: Key, section: () => Promise<Result>): Promise<Result>;
}

export function createKeyedMutex<Key>(): KeyedMutex<Key> {
  const tails = new Map<Key, Promise<unknown>>();
  return {
    async run(key, section) {
      const before = tails.get(key);
      const { promise: ended, resolve: end } = Promise.withResolvers<void>();
      tails.set(key, ended);
      try {
        await before;
        return await section();
      } finally {
        if (tails.get(key) === ended) tails.delete(key);
        end();
      }
    },
  };
}
