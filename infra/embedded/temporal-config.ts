import { stringify } from 'yaml';
import type { Ports } from './ports.ts';
import type { PostgresAccess } from './postgres-roles.ts';

/** Cannot be changed once the database is made. */
const historyShards = 4;

export interface TemporalConfigOptions {
  readonly access: PostgresAccess;
  readonly ports: Ports;
  readonly dynamicConfigFile: string;
}

/** Configuration of one process with all four services of Temporal. */
export function renderTemporalConfig(options: TemporalConfigOptions): string {
  const { access, ports, dynamicConfigFile } = options;
  const store = (databaseName: string, maxConns: number): object => ({
    sql: {
      // Not `postgres12`: a third less work for PostgreSQL.
      pluginName: 'postgres12_pgx',
      databaseName,
      connectAddr: `127.0.0.1:${access.port}`,
      connectProtocol: 'tcp',
      user: 'temporal',
      password: access.passwordOf('temporal'),
      maxConns,
      maxIdleConns: maxConns,
    },
  });
  return stringify({
    log: { stdout: true, level: 'warn' },
    persistence: {
      defaultStore: 'main',
      visibilityStore: 'visibility',
      numHistoryShards: historyShards,
      datastores: {
        main: store('temporal', 20),
        visibility: store('temporal_visibility', 4),
      },
    },
    global: { membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' } },
    services: {
      frontend: {
        rpc: {
          ...listen(ports['temporal-frontend'], ports['temporal-frontend-membership']),
          httpPort: ports['temporal-frontend-http'],
        },
      },
      history: { rpc: listen(ports['temporal-history'], ports['temporal-history-membership']) },
      matching: { rpc: listen(ports['temporal-matching'], ports['temporal-matching-membership']) },
      worker: { rpc: listen(ports['temporal-worker'], ports['temporal-worker-membership']) },
    },
    clusterMetadata: {
      enableGlobalNamespace: false,
      failoverVersionIncrement: 10,
      masterClusterName: 'active',
      currentClusterName: 'active',
      clusterInformation: {
        active: {
          enabled: true,
          initialFailoverVersion: 1,
          rpcName: 'frontend',
          rpcAddress: `127.0.0.1:${ports['temporal-frontend']}`,
        },
      },
    },
    dcRedirectionPolicy: { policy: 'noop' },
    archival: { history: { state: 'disabled' }, visibility: { state: 'disabled' } },
    namespaceDefaults: {
      archival: { history: { state: 'disabled' }, visibility: { state: 'disabled' } },
    },
    dynamicConfigClient: { filepath: dynamicConfigFile, pollInterval: '60s' },
  });
}

function listen(grpcPort: number, membershipPort: number): object {
  return { grpcPort, membershipPort, bindOnLocalHost: true };
}

/** Limits made for shared clusters are lifted: here is one client of many, and it limits itself. */
export function renderDynamicConfig(): string {
  const values: Readonly<Record<string, number | boolean>> = {
    // On one machine more partitions only add forwarding.
    'matching.numTaskqueueReadPartitions': 1,
    'matching.numTaskqueueWritePartitions': 1,
    'system.enableActivityEagerExecution': true,
    'system.enableEagerWorkflowStart': true,
    'frontend.namespaceRPS': 20_000,
    'frontend.rps': 20_000,
    'frontend.persistenceMaxQPS': 20_000,
    'history.persistenceMaxQPS': 20_000,
    'matching.persistenceMaxQPS': 20_000,
    'history.rps': 20_000,
    'matching.rps': 20_000,
    // Long polls and waiting updates.
    'frontend.namespaceCount': 10_000,
    'limit.maxIDLength': 255,
    // A full group's file ids in one keyword list; the default has room for 52.
    'frontend.searchAttributesSizeOfValueLimit': 8192,
  };
  return stringify(
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [{ value }]])),
  );
}
