import type { EmbeddedConfig } from '#config/load-config.ts';
import type { ElementId } from '#domain/ids.ts';
import { applyTemporalDeclaration } from '#infra/temporal/declaration-application.ts';
import { loadTemporalDeclaration } from '#infra/temporal/declaration.ts';
import { openDataDirectory, type DataDirectory } from './data-directory.ts';
import { credentialsFile } from './initial-account.ts';
import { prepareCatalogue } from './prepare-catalogue.ts';
import { isPortFree } from './ports.ts';
import { describeApi, describeWorker } from './product-processes.ts';
import type { Progress } from './progress.ts';
import { removeReadyFile, writeReadyFile, type ReadyDocument } from './ready-file.ts';
import { startServers, stopProcesses, type Servers } from './servers.ts';
import { StartupError } from './startup-error.ts';
import {
  superviseProcess,
  type SupervisedProcess,
  type SupervisionContext,
} from './supervised-process.ts';

export interface StackOptions {
  readonly config: EmbeddedConfig;
  readonly apiEntry: string;
  readonly workerEntry: string;
  readonly cacheHome: string;
  /** What every process inherits. */
  readonly environment: Readonly<Record<string, string>>;
  readonly progress: Progress;
  readonly log: (line: string) => void;
  /** Ends a start that is under way; what has been started is stopped. */
  readonly signal: AbortSignal;
}

export interface Stack {
  readonly dataDirectory: string;
  readonly ready: ReadyDocument;
  readonly processes: readonly SupervisedProcess[];
  /** Removes ready.json, ends every process in reverse order, gives the data directory back. */
  stop(): Promise<void>;
}

/** Temporal may be somebody else's and slow; ours answers in a second. */
const namespaceTimeoutMs = 120_000;

/** Brings up the whole system. @throws StartupError among others; then nothing is left running. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const data = await openDataDirectory(options.config.dataDirectory, options.log);
  const started: SupervisedProcess[] = [];
  const stop = async (): Promise<void> => {
    removeReadyFile(data.path);
    await stopProcesses(started);
    await data[Symbol.asyncDispose]();
  };
  try {
    removeReadyFile(data.path);
    await requireFreePort(options.config);
    return await startParts(options, { data, started, stop });
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Parts {
  readonly data: DataDirectory;
  /** Filled as they come up, in order. */
  readonly started: SupervisedProcess[];
  readonly stop: () => Promise<void>;
}

async function startParts(options: StackOptions, parts: Parts): Promise<Stack> {
  const { config, environment } = options;
  const { data, started, stop } = parts;
  let announce = (): void => undefined;
  const context: SupervisionContext = {
    records: data.records,
    logDirectory: data.logDirectory,
    log: options.log,
    onRestart: () => announce(),
    signal: options.signal,
  };
  let elementIds: readonly ElementId[] = [];
  const servers = await startServers({
    data,
    context,
    usesUsualPorts: config.httpPort !== 0,
    temporalAddress: config.temporalAddress,
    temporalNamespace: config.temporalNamespace,
    cacheHome: options.cacheHome,
    environment,
    progress: options.progress,
    async prepareCatalogue(catalogueUrl) {
      elementIds = await prepareCatalogue({
        dataDirectory: data.path,
        catalogueUrl,
        initialClientId: config.initialClientId,
        initialClientSecret: config.initialClientSecret,
        log: options.log,
      });
    },
  });
  started.push(...servers.processes);
  if (servers.redisUrl === null) {
    options.log('redis: neither redis-server nor valkey-server is on PATH, going without a cache');
  }
  await applyDeclaration(options, servers, elementIds);
  const apiPort = config.httpPort === 0 ? servers.ports.api : config.httpPort;
  const apiUrl = `http://${reachableHost(config.httpHost)}:${apiPort}`;
  const product = { ...options, servers, apiPort, apiUrl };
  await startBoth(
    started,
    superviseProcess(describeWorker(product), context),
    superviseProcess(describeApi(product), context),
  );
  const describe = (): ReadyDocument => ({
    api_url: apiUrl,
    docs_url: `${apiUrl}/docs`,
    temporal_address: servers.temporalAddress,
    temporal_namespace: config.temporalNamespace,
    temporal_ui_url: config.temporalUiUrl ?? servers.temporalUiUrl,
    postgres_url: servers.administrationUrl,
    meilisearch_url: servers.meilisearchUrl,
    redis_url: servers.redisUrl,
    credentials_file: credentialsFile(data.path),
    processes: pidsOf(started),
  });
  announce = () => {
    if (!options.signal.aborted) writeReadyFile(data.path, describe());
  };
  announce();
  return {
    dataDirectory: data.path,
    get ready() {
      return describe();
    },
    processes: started,
    stop,
  };
}

/** Said before anything is started: of all parts only the API has a port that must be this one. */
async function requireFreePort({ httpHost, httpPort }: EmbeddedConfig): Promise<void> {
  if (httpPort === 0 || (await isPortFree(httpPort, httpHost))) return;
  throw new StartupError(
    `Port ${httpPort} on ${httpHost} cannot be taken, another program may have it: ` +
      'set ARTSTORE_HTTP_PORT to another one, or to 0 for a free one.',
  );
}

async function applyDeclaration(
  { config, signal }: StackOptions,
  servers: Servers,
  elementIds: readonly ElementId[],
): Promise<void> {
  await applyTemporalDeclaration(loadTemporalDeclaration(), {
    address: servers.temporalAddress,
    namespace: config.temporalNamespace,
    elementIds,
    signal: AbortSignal.any([signal, AbortSignal.timeout(namespaceTimeoutMs)]),
  });
}

/** Both come up at once; the first is the last to be stopped. */
async function startBoth(
  started: SupervisedProcess[],
  ...starting: readonly Promise<SupervisedProcess>[]
): Promise<void> {
  const outcomes = await Promise.allSettled(starting);
  started.push(...outcomes.flatMap((it) => (it.status === 'fulfilled' ? [it.value] : [])));
  const failure = outcomes.find((it) => it.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}

function pidsOf(processes: readonly SupervisedProcess[]): Record<string, number> {
  const pids: Record<string, number> = { supervisor: process.pid };
  for (const { name, pid } of processes) {
    // Down at this moment: the file is written again when it is back.
    if (pid !== null) pids[name] = pid;
  }
  return pids;
}

/** An address that listens everywhere is reached by the loopback one. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
