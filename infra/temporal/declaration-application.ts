import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Client,
  Connection,
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  isGrpcServiceError,
  type ScheduleOptions,
} from '@temporalio/client';
import proto, { type temporal } from '@temporalio/proto';
import type { ElementId } from '#domain/ids.ts';
import { forElement, type ScheduleDeclaration, type TemporalDeclaration } from './declaration.ts';

export interface ApplyOptions {
  readonly address: string;
  /** Takes the place of the declared name. */
  readonly namespace: string;
  /** Each gets its schedules. */
  readonly elementIds: readonly ElementId[];
  /** Ends the wait for a server or namespace that does not answer. */
  readonly signal: AbortSignal;
}

const { IndexedValueType } = proto.temporal.api.enums.v1;
const attributeTypes = {
  keyword: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
  keyword_list: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
} as const;

const grpcNotFound = 5;
const grpcAlreadyExists = 6;
const pollMs = 50;

/**
 * Makes what is declared so. Safe to run at every start and by several processes at once. When it
 * resolves, the namespace takes work and knows the search attributes.
 */
export async function applyTemporalDeclaration(
  declaration: TemporalDeclaration,
  options: ApplyOptions,
): Promise<void> {
  const connection = await Connection.connect({ address: options.address });
  try {
    const client = new Client({ connection, namespace: options.namespace });
    await ensureNamespace(connection, declaration, options);
    await ensureSearchAttributes(connection, declaration, options);
    await untilAttributesAnswer(client, declaration, options.signal);
    for (const elementId of options.elementIds) {
      await ensureElementSchedules(client, declaration, elementId);
    }
  } finally {
    await connection.close();
  }
}

/** Safe to repeat, and by several processes at once. The namespace has to be there. */
export async function ensureElementSchedules(
  client: Client,
  { schedules }: Pick<TemporalDeclaration, 'schedules'>,
  elementId: ElementId,
): Promise<void> {
  for (const schedule of schedules) {
    await ensureSchedule(client, scheduleOptions(schedule, elementId));
  }
}

async function ensureNamespace(
  connection: Connection,
  { namespace }: TemporalDeclaration,
  { namespace: name }: ApplyOptions,
): Promise<void> {
  const retentionSeconds = namespace.retention_hours * 3600;
  const retention = proto.google.protobuf.Duration.fromObject({ seconds: retentionSeconds });
  try {
    const found = await connection.workflowService.describeNamespace({ namespace: name });
    const foundSeconds = found.config?.workflowExecutionRetentionTtl?.seconds?.toNumber();
    if (foundSeconds === retentionSeconds) return;
    await connection.workflowService.updateNamespace({
      namespace: name,
      config: { workflowExecutionRetentionTtl: retention },
    });
  } catch (error) {
    if (!hasGrpcCode(error, grpcNotFound)) throw error;
    await registerNamespace(connection, {
      namespace: name,
      description: namespace.description,
      workflowExecutionRetentionPeriod: retention,
    });
  }
}

async function registerNamespace(
  connection: Connection,
  request: temporal.api.workflowservice.v1.IRegisterNamespaceRequest,
): Promise<void> {
  try {
    await connection.workflowService.registerNamespace(request);
  } catch (error) {
    if (!hasGrpcCode(error, grpcAlreadyExists)) throw error;
  }
}

/** The rest of the server learns of a new namespace a moment later: until then it is not found. */
async function ensureSearchAttributes(
  connection: Connection,
  declaration: TemporalDeclaration,
  { namespace, signal }: ApplyOptions,
): Promise<void> {
  const missing = await retryWhile(grpcNotFound, signal, async () => {
    const found = await connection.operatorService.listSearchAttributes({ namespace });
    return missingAttributes(declaration, found.customAttributes ?? {});
  });
  if (Object.keys(missing).length === 0) return;
  try {
    await retryWhile(grpcNotFound, signal, () =>
      connection.operatorService.addSearchAttributes({ namespace, searchAttributes: missing }),
    );
  } catch (error) {
    if (!hasGrpcCode(error, grpcAlreadyExists)) throw error;
  }
}

function missingAttributes(
  declaration: TemporalDeclaration,
  found: Readonly<Record<string, temporal.api.enums.v1.IndexedValueType>>,
): Record<string, temporal.api.enums.v1.IndexedValueType> {
  const missing: Record<string, temporal.api.enums.v1.IndexedValueType> = {};
  for (const [name, kind] of Object.entries(declaration.search_attributes)) {
    const type = found[name];
    if (type === undefined) missing[name] = attributeTypes[kind];
    else if (type !== attributeTypes[kind]) {
      throw new Error(`The search attribute ${name} exists in Temporal with another type.`);
    }
  }
  return missing;
}

/** A query that names every attribute is refused until the server has them all. */
async function untilAttributesAnswer(
  client: Client,
  declaration: TemporalDeclaration,
  signal: AbortSignal,
): Promise<void> {
  const query = Object.keys(declaration.search_attributes)
    .map((name) => `${name} = 'none'`)
    .join(' AND ');
  for (;;) {
    signal.throwIfAborted();
    try {
      await client.workflow.count(query);
      return;
    } catch (error) {
      if (!isGrpcServiceError(error) && !isGrpcServiceError((error as Error).cause)) throw error;
      await delay(pollMs, undefined, { signal });
    }
  }
}

function scheduleOptions(schedule: ScheduleDeclaration, elementId: ElementId): ScheduleOptions {
  return {
    scheduleId: forElement(schedule.id, elementId),
    spec: { intervals: [{ every: schedule.every_seconds * 1000 }] },
    policies: {
      overlap:
        schedule.overlap === 'skip' ? ScheduleOverlapPolicy.SKIP : ScheduleOverlapPolicy.BUFFER_ONE,
      catchupWindow: schedule.catchup_seconds * 1000,
    },
    action: {
      type: 'startWorkflow',
      workflowType: schedule.workflow,
      workflowId: forElement(schedule.workflow_id, elementId),
      taskQueue: forElement(schedule.task_queue, elementId),
      args: [{ elementId }],
    },
  };
}

/** The note of a schedule carries the digest of what it was made from. */
async function ensureSchedule(client: Client, options: ScheduleOptions): Promise<void> {
  const note = `temporal.yaml ${createHash('sha256').update(JSON.stringify(options)).digest('hex')}`;
  const handle = client.schedule.getHandle(options.scheduleId);
  try {
    const found = await handle.describe();
    if (found.state.note === note) return;
    await handle.update(({ state }) => ({ ...options, state: { ...state, note } }));
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
    await createSchedule(client, { ...options, state: { note } });
  }
}

async function createSchedule(client: Client, options: ScheduleOptions): Promise<void> {
  try {
    await client.schedule.create(options);
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
}

async function retryWhile<Result>(
  grpcCode: number,
  signal: AbortSignal,
  run: () => Promise<Result>,
): Promise<Result> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await run();
    } catch (error) {
      if (!hasGrpcCode(error, grpcCode)) throw error;
      await delay(pollMs, undefined, { signal });
    }
  }
}

function hasGrpcCode(error: unknown, code: number): boolean {
  if (!isGrpcServiceError(error)) return false;
  const found: number = error.code;
  return found === code;
}
