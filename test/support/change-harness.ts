import { randomUUID } from 'node:crypto';
import type { FileId, OperationId } from '#domain/ids.ts';
import type { JsonObject } from '#domain/json.ts';
import type { CatalogueFile } from '#domain/ports/file-catalogue.ts';
import type { AttributesChange, Deletion, FileLifecycle } from '#domain/ports/file-lifecycle.ts';
import type { OperationStanding } from '#domain/ports/operation-journal.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';
import { createTemporalConnection } from '#infra/temporal/temporal-connection.ts';
import { openTemporalFileLifecycle } from '#infra/temporal/temporal-file-lifecycle.ts';
import { catalogueQueueOf } from '#test/support/catalogue-worker.ts';
import {
  openElementHarness,
  type ElementHarness,
  type TemporalHarness,
} from '#test/support/element-harness.ts';
import { newAccountId, newGroupId } from '#test/support/stored-files.ts';
import { testStack } from '#test/support/test-stack.ts';

/** An element with stored files, and a lifecycle as an API process has it. */
export interface ChangeHarness extends AsyncDisposable {
  readonly harness: ElementHarness;
  readonly lifecycle: FileLifecycle;
  /** Files on the element and in the catalogue; needs no worker. */
  storeFiles(count: number, members?: JsonObject): Promise<FileId[]>;
  storeFile(members?: JsonObject): Promise<FileId>;
  findRow(fileId: FileId): Promise<CatalogueFile | null>;
  /** A change of the description, made from the file as it is now. */
  makeChange(fileId: FileId, description: string): Promise<AttributesChange>;
  makeDeletion(fileId: FileId, change?: Partial<Deletion>): Deletion;
  findStanding(operationId: OperationId): Promise<OperationStanding | null>;
  /** What readers of the feed get to know of a file, in order. */
  eventsOf(fileId: FileId): Promise<string[]>;
}

const codec = openAttributesCodec();
export const newOperationId = (): OperationId => randomUUID() as string as OperationId;

export async function openChangeHarness(
  temporal: TemporalHarness,
  address = testStack().temporalAddress,
): Promise<ChangeHarness> {
  const harness = await openElementHarness(temporal);
  const { catalogue, element, elementId } = harness;
  const { uploads: registry, changes, journal, files, database } = catalogue;
  const connection = createTemporalConnection({
    address,
    namespace: testStack().temporalNamespace,
  });
  const lifecycle = await openTemporalFileLifecycle({
    connection,
    registry,
    changes,
    journal,
    catalogueTaskQueue: catalogueQueueOf(harness),
  });

  async function storeFiles(count: number, members: JsonObject = {}): Promise<FileId[]> {
    const groupId = newGroupId();
    const staged = (await harness.receiveMany(count)).map((upload) => {
      const attributes = { ...codec.parseAttributes(upload.sidecar), ...members };
      const { text, digest } = codec.encodeSidecar(attributes);
      return { ...upload, sidecar: text, sidecarDigest: digest };
    });
    const fileIds = staged.map(({ fileId }) => fileId);
    await registry.stageUploads(staged);
    await registry.claimGroup(groupId, fileIds);
    await element.commitContents(staged);
    await element.writeSidecars(staged.map((upload) => ({ ...upload, expectedDigest: null })));
    const outcomes = fileIds.map((fileId) => ({ fileId, ok: true }) as const);
    await registry.recordGroup(groupId, outcomes);
    return fileIds;
  }

  return {
    harness,
    lifecycle,
    storeFiles,
    async storeFile(members) {
      const [fileId] = await storeFiles(1, members);
      return fileId!;
    },
    findRow: (fileId) => files.findFile(fileId),
    async makeChange(fileId, description) {
      const row = await files.findFile(fileId);
      const attributes = codec.parseAttributes(row!.attributes);
      const revision = Number(attributes['revision']) + 1;
      const { text, digest } = codec.encodeSidecar({ ...attributes, description, revision });
      return {
        operationId: newOperationId(),
        fileId,
        elementId,
        startedBy: newAccountId(),
        expectedDigest: row!.sidecarDigest,
        sidecar: text,
        sidecarDigest: digest,
      };
    },
    makeDeletion: (fileId, change = {}) => ({
      operationId: newOperationId(),
      fileId,
      elementId,
      startedBy: newAccountId(),
      expectedDigest: null,
      graceMs: 0,
      ...change,
    }),
    async findStanding(operationId) {
      const [standing] = await journal.findStandings([operationId]);
      return standing ?? null;
    },
    async eventsOf(fileId) {
      const rows = await database.query<{ type: string }>(
        {
          text: `select type from outbox where file_ids @> array[$1::uuid]
            order by transaction_id, sequence`,
        },
        [fileId],
      );
      return rows.map(({ type }) => type);
    },
    async [Symbol.asyncDispose]() {
      await lifecycle[Symbol.asyncDispose]();
      await connection[Symbol.asyncDispose]();
      await harness[Symbol.asyncDispose]();
    },
  };
}
