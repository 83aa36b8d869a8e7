import type { EmbeddedConfig } from '#config/load-config.ts';
import { limits } from '#domain/limits.ts';
import type { Servers } from './servers.ts';
import type { ProcessDefinition } from './supervised-process.ts';

export interface ProductOptions {
  readonly config: EmbeddedConfig;
  readonly servers: Servers;
  readonly apiPort: number;
  readonly apiUrl: string;
  readonly apiEntry: string;
  readonly workerEntry: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** They drain first. */
const stopGraceMs = limits.drainMs + 5000;
const readyTimeoutMs = 120_000;

export function describeApi(options: ProductOptions): ProcessDefinition {
  const { config, servers } = options;
  return describeProcess('api', options.apiEntry, {
    ...sharedSettings(options),
    ARTSTORE_HTTP_HOST: config.httpHost,
    ARTSTORE_HTTP_PORT: String(options.apiPort),
    ARTSTORE_PUBLIC_URL: config.publicUrl ?? options.apiUrl,
    ARTSTORE_MASTER_KEY_FILE: servers.masterKeyFile,
    ARTSTORE_DELETION_GRACE_SECONDS: String(config.deletionGraceSeconds),
  });
}

export function describeWorker(options: ProductOptions): ProcessDefinition {
  return describeProcess('worker', options.workerEntry, sharedSettings(options));
}

function describeProcess(
  name: string,
  entry: string,
  environment: Readonly<Record<string, string>>,
): ProcessDefinition {
  return {
    name,
    command: process.execPath,
    args: [entry],
    environment,
    stopSignal: 'SIGTERM',
    stopGraceMs,
    readyTimeoutMs,
    isReady: 'message',
  };
}

function sharedSettings(options: ProductOptions): Record<string, string> {
  const { config, servers } = options;
  return {
    ...options.environment,
    // File system calls wait for the disk in this pool: its default of 4 would be the ceiling.
    UV_THREADPOOL_SIZE: '16',
    ARTSTORE_DATABASE_URL: servers.catalogueUrl,
    ARTSTORE_TEMPORAL_ADDRESS: servers.temporalAddress,
    ARTSTORE_TEMPORAL_NAMESPACE: config.temporalNamespace,
    ARTSTORE_MEILISEARCH_URL: servers.meilisearchUrl,
    ARTSTORE_MEILISEARCH_KEY: servers.meilisearchKey,
    ARTSTORE_LOG_LEVEL: config.logLevel,
    ...given('ARTSTORE_REDIS_URL', servers.redisUrl),
    ...given('ARTSTORE_TEMPORAL_UI_URL', config.temporalUiUrl ?? servers.temporalUiUrl),
  };
}

function given(variable: string, value: string | null): Record<string, string> {
  return value === null ? {} : { [variable]: value };
}
