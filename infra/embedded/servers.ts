import { join } from 'node:path';
import type { DataDirectory } from './data-directory.ts';
import { ensureGoTools, type GoTools } from './go-tools.ts';
import { startMeilisearch } from './meilisearch-server.ts';
import { choosePorts, type Ports } from './ports.ts';
import { catalogueDatabase, prepareRolesAndCatalogue } from './postgres-databases.ts';
import { createPostgresAccess, type PostgresAccess } from './postgres-roles.ts';
import { startPostgres } from './postgres-server.ts';
import type { Progress } from './progress.ts';
import { startRedis } from './redis-server.ts';
import { loadStartupSecrets, type StartupSecrets } from './startup-secrets.ts';
import type { SupervisedProcess, SupervisionContext } from './supervised-process.ts';
import { prepareTemporalDatabases } from './temporal-database.ts';
import { startTemporalServer, startTemporalUi, temporalUiUrl } from './temporal-server.ts';

export interface ServersOptions {
  readonly data: DataDirectory;
  readonly context: SupervisionContext;
  /** Ports that people expect, when they are free; else any free ones. */
  readonly usesUsualPorts: boolean;
  /** A Temporal server that runs already, instead of one of our own. */
  readonly temporalAddress: string | null;
  readonly temporalNamespace: string;
  readonly cacheHome: string;
  /** For the servers: PATH and the like. */
  readonly environment: Readonly<Record<string, string>>;
  readonly progress: Progress;
  /** Runs as soon as the database stands, beside the start of Temporal. */
  readonly prepareCatalogue?: (catalogueUrl: string) => Promise<void>;
}

/** The parts that others have written, up and answering. */
export interface Servers {
  /** As administrator, in the catalogue's database. */
  readonly administrationUrl: string;
  /** The product's own role, owner of the catalogue. */
  readonly catalogueUrl: string;
  readonly temporalAddress: string;
  readonly temporalUiUrl: string | null;
  readonly meilisearchUrl: string;
  readonly meilisearchKey: string;
  /** Null: neither Redis nor Valkey is on PATH. */
  readonly redisUrl: string | null;
  readonly masterKeyFile: string;
  readonly ports: Ports;
  /** In the order in which they depend on each other. */
  readonly processes: readonly SupervisedProcess[];
  stop(): Promise<void>;
}

interface Launch extends ServersOptions {
  readonly ports: Ports;
  readonly access: PostgresAccess;
  readonly secrets: StartupSecrets;
}

/** @throws when one of them does not come up; then none is left running. */
export async function startServers(options: ServersOptions): Promise<Servers> {
  const secrets = loadStartupSecrets(options.data.path);
  const ports = await choosePorts(
    join(options.data.runDirectory, 'ports.json'),
    options.usesUsualPorts,
  );
  const access = createPostgresAccess(ports.postgres, secrets.postgresSecret);
  const launch: Launch = { ...options, ports, access, secrets };
  const [database, meilisearch, redis] = await Promise.allSettled([
    startDatabaseAndTemporal(launch),
    startMeilisearch(
      {
        directory: join(options.data.path, 'meilisearch'),
        port: ports.meilisearch,
        key: secrets.meilisearchKey,
        cacheHome: options.cacheHome,
        environment: options.environment,
      },
      options.context,
    ),
    startRedis(
      {
        directory: join(options.data.path, 'redis'),
        port: ports.redis,
        environment: options.environment,
      },
      options.context,
    ),
  ]);
  const started = [
    ...(database.status === 'fulfilled' ? database.value : []),
    ...(meilisearch.status === 'fulfilled' ? [meilisearch.value] : []),
    ...(redis.status === 'fulfilled' && redis.value !== null ? [redis.value.process] : []),
  ];
  const failure = [database, meilisearch, redis].find((it) => it.status === 'rejected');
  if (failure !== undefined) {
    await stopProcesses(started);
    throw failure.reason;
  }
  return {
    administrationUrl: access.urlOf('postgres', catalogueDatabase),
    catalogueUrl: access.urlOf('artstore', catalogueDatabase),
    temporalAddress: options.temporalAddress ?? `127.0.0.1:${ports['temporal-frontend']}`,
    temporalUiUrl: options.temporalAddress === null ? temporalUiUrl(ports) : null,
    meilisearchUrl: `http://127.0.0.1:${ports.meilisearch}`,
    meilisearchKey: secrets.meilisearchKey,
    redisUrl: redis.status === 'fulfilled' ? (redis.value?.url ?? null) : null,
    masterKeyFile: secrets.masterKeyFile,
    ports,
    processes: started,
    stop: () => stopProcesses(started),
  };
}

async function startDatabaseAndTemporal(launch: Launch): Promise<SupervisedProcess[]> {
  const { access, context, environment, temporalAddress } = launch;
  const [built, postgres] = await Promise.allSettled([
    temporalAddress === null
      ? ensureGoTools({ ...launch, signal: context.signal })
      : Promise.resolve(null),
    startPostgres({ directory: join(launch.data.path, 'postgres'), access, environment }, context),
  ]);
  const started = postgres.status === 'fulfilled' ? [postgres.value] : [];
  try {
    if (built.status === 'rejected') throw built.reason;
    if (postgres.status === 'rejected') throw postgres.reason;
    await prepareRolesAndCatalogue(access);
    const [temporal, prepared] = await Promise.allSettled([
      built.value === null ? [] : startTemporal(built.value, launch),
      launch.prepareCatalogue?.(access.urlOf('artstore', catalogueDatabase)),
    ]);
    if (temporal.status === 'rejected') throw temporal.reason;
    started.push(...temporal.value);
    if (prepared.status === 'rejected') throw prepared.reason;
    return started;
  } catch (error) {
    await stopProcesses(started);
    throw error;
  }
}

async function startTemporal(tools: GoTools, launch: Launch): Promise<SupervisedProcess[]> {
  const { access, context, environment, ports } = launch;
  await prepareTemporalDatabases({ access, sqlTool: tools.temporalSqlTool, environment });
  const temporalOptions = {
    directory: join(launch.data.path, 'temporal'),
    tools,
    access,
    ports,
    namespace: launch.temporalNamespace,
    environment,
  };
  const [server, ui] = await Promise.allSettled([
    startTemporalServer(temporalOptions, context),
    startTemporalUi(temporalOptions, context),
  ]);
  const started = [server, ui].flatMap((it) => (it.status === 'fulfilled' ? [it.value] : []));
  const failure = [server, ui].find((it) => it.status === 'rejected');
  if (failure === undefined) return started;
  await stopProcesses(started);
  throw failure.reason;
}

/** One after the other, the last first: none loses what it depends on before it has ended. */
export async function stopProcesses(processes: readonly SupervisedProcess[]): Promise<void> {
  for (const process of processes.toReversed()) await process.stop();
}
