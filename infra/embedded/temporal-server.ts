import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { stringify } from 'yaml';
import { writeFileAtomically } from './atomic-file.ts';
import type { GoTools } from './go-tools.ts';
import type { Ports } from './ports.ts';
import type { PostgresAccess } from './postgres-roles.ts';
import {
  superviseProcess,
  type SupervisedProcess,
  type SupervisionContext,
} from './supervised-process.ts';
import { renderDynamicConfig, renderTemporalConfig } from './temporal-config.ts';
import { forgetTemporalMembers } from './temporal-database.ts';
import { waitFor } from './wait-for.ts';

export interface TemporalOptions {
  /** `<data dir>/temporal`: configuration files, written anew at every start. */
  readonly directory: string;
  readonly tools: GoTools;
  readonly access: PostgresAccess;
  readonly ports: Ports;
  readonly namespace: string;
  readonly environment: Readonly<Record<string, string>>;
}

export function startTemporalServer(
  options: TemporalOptions,
  context: SupervisionContext,
): Promise<SupervisedProcess> {
  const { directory, ports, tools, environment } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const configFile = join(directory, 'server.yaml');
  const dynamicConfigFile = join(directory, 'dynamic.yaml');
  writeFileAtomically(configFile, renderTemporalConfig({ ...options, dynamicConfigFile }), 0o600);
  writeFileAtomically(dynamicConfigFile, renderDynamicConfig(), 0o600);
  return superviseProcess(
    {
      name: 'temporal',
      command: tools.temporalServer,
      args: ['--config-file', configFile, '--allow-no-auth', 'start'],
      environment: { ...environment, GOGC: '400', GOMEMLIMIT: '2GiB' },
      stopSignal: 'SIGTERM',
      stopGraceMs: 15_000,
      readyTimeoutMs: 120_000,
      // When both went down together: without the database it would only end again.
      beforeStart: () =>
        waitFor(
          async () => {
            await forgetTemporalMembers(options.access);
            return true;
          },
          AbortSignal.any([context.signal, AbortSignal.timeout(databaseTimeoutMs)]),
        ),
      isReady: () => isTemporalServing(`127.0.0.1:${ports['temporal-frontend']}`),
    },
    context,
  );
}

const databaseTimeoutMs = 60_000;

/** `SERVING` in grpc.health.v1. */
const grpcServing = 1;

/** Asks the health service of gRPC. */
async function isTemporalServing(address: string): Promise<boolean> {
  const connection = await Connection.connect({ address, connectTimeout: 2000 });
  try {
    const answer = await connection.withDeadline(Date.now() + 2000, () =>
      connection.healthService.check({
        service: 'temporal.api.workflowservice.v1.WorkflowService',
      }),
    );
    const status: number = answer.status;
    return status === grpcServing;
  } finally {
    await connection.close();
  }
}

export function startTemporalUi(
  options: TemporalOptions,
  context: SupervisionContext,
): Promise<SupervisedProcess> {
  const { directory, ports, tools, environment, namespace } = options;
  const configDirectory = join(directory, 'ui', 'config');
  mkdirSync(configDirectory, { recursive: true, mode: 0o700 });
  const config = {
    temporalGrpcAddress: `127.0.0.1:${ports['temporal-frontend']}`,
    host: '127.0.0.1',
    port: ports['temporal-ui'],
    enableUi: true,
    defaultNamespace: namespace,
  };
  writeFileAtomically(join(configDirectory, 'embedded.yaml'), stringify(config), 0o600);
  return superviseProcess(
    {
      name: 'temporal-ui',
      command: tools.temporalUi,
      args: ['--root', join(directory, 'ui'), '--config', 'config', '--env', 'embedded', 'start'],
      environment,
      stopSignal: 'SIGTERM',
      stopGraceMs: 5000,
      readyTimeoutMs: 60_000,
      isReady: async () => (await fetch(temporalUiUrl(ports))).ok,
    },
    context,
  );
}

export function temporalUiUrl(ports: Ports): string {
  return `http://127.0.0.1:${ports['temporal-ui']}`;
}
