/** Addresses of the servers that the test command started; `npm test` sets them. */
export interface TestStack {
  readonly postgresUrl: string;
  readonly temporalAddress: string;
  readonly temporalNamespace: string;
  readonly redisUrl: string;
  readonly meilisearchUrl: string;
  readonly meilisearchKey: string;
}

/** @throws when a part is missing: a test never runs with less than it names. */
export function testStack(): TestStack {
  return {
    postgresUrl: required('ARTSTORE_TEST_POSTGRES_URL'),
    temporalAddress: required('ARTSTORE_TEST_TEMPORAL_ADDRESS'),
    temporalNamespace: required('ARTSTORE_TEST_TEMPORAL_NAMESPACE'),
    redisUrl: required('ARTSTORE_TEST_REDIS_URL'),
    meilisearchUrl: required('ARTSTORE_TEST_MEILISEARCH_URL'),
    meilisearchKey: required('ARTSTORE_TEST_MEILISEARCH_KEY'),
  };
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') {
    throw new Error(`${name} is not set: run the tests through npm test`);
  }
  return value;
}
