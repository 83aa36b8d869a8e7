import type { Static } from 'typebox';
import { migrationRequestSchema } from '#api/migrations/migration-schemas.ts';
import { toPlainNumbers } from '#api/plain-numbers.ts';
import { compileBody, findBodyFaults, requireNoFaults } from '#api/validation.ts';
import { attributesVersions } from '#domain/attributes/versions.ts';
import { DomainError, type Fault } from '#domain/errors.ts';
import { isElementId, parseFileId, type ElementId } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import type { JsonObject, JsonValue } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import { findMigrationFaults } from '#domain/migrations/migration-faults.ts';
import type { MigrationRequest } from '#domain/ports/migration-lifecycle.ts';
import type { StorageElementRegistry } from '#domain/ports/storage-element-registry.ts';
import type { TemplateRegistry } from '#domain/ports/template-registry.ts';
import { isJsonObject } from '#domain/strict-json.ts';
import { parseTemplateReference, templateIdOf } from '#domain/templates/template-name.ts';

type SentRequest = Static<typeof migrationRequestSchema>;

/** Where what a request names is looked up. */
export interface NamedThings {
  readonly elements: Pick<StorageElementRegistry, 'findElement'>;
  readonly templates: Pick<TemplateRegistry, 'findVersion'>;
}

const shownFaults = 100;
const validate = compileBody(migrationRequestSchema);

/**
 * Everything that can be refused without a look at the files is refused here, at once.
 * @throws REQUEST_INVALID with every fault, SELECTION_EMPTY
 */
export async function readMigrationRequest(
  body: JsonValue,
  things: NamedThings,
): Promise<MigrationRequest> {
  const plain = toPlainNumbers(body);
  const faults = [...findBodyFaults(validate, plain)];
  const sound = withoutFaulty(isJsonObject(plain) ? plain : {}, faults);
  faults.push(...findMigrationFaults(askedOf(sound), attributesVersions));
  faults.push(...(await faultsOfElement(sound, things)));
  const template = await findTemplate(sound, things);
  faults.push(...template.faults);
  // A body of a megabyte can be wrong in very many places.
  requireNoFaults(faults.slice(0, shownFaults));
  return requestOf(plain as unknown as SentRequest, template.id);
}

/** The members that have their form; a member that has not is undefined. */
interface SoundMembers {
  readonly textAt: (pointer: string) => string | undefined;
  readonly mapping: Readonly<Record<string, string>> | undefined;
}

function withoutFaulty(body: JsonObject, faults: readonly Fault[]): SoundMembers {
  const faulty = faults.map(({ pointer }) => pointer);
  const isFaulty = (place: string): boolean =>
    faulty.some((pointer) => pointer === place || pointer.startsWith(`${place}/`));
  const memberAt = (place: string): JsonValue | undefined => {
    let value: JsonValue | undefined = body;
    for (const name of place.split('/').slice(1)) {
      value = isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
    }
    return isFaulty(place) ? undefined : value;
  };
  const { mapping } = body;
  return {
    textAt: (place) => {
      const value = memberAt(place);
      return typeof value === 'string' ? value : undefined;
    },
    mapping: isJsonObject(mapping) ? textsOf(mapping) : undefined,
  };
}

function textsOf(members: JsonObject): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(members).filter(
      (member): member is [string, string] => typeof member[1] === 'string',
    ),
  );
}

function askedOf({ textAt, mapping }: SoundMembers) {
  return {
    sourceVersion: textAt('/source_version'),
    targetVersion: textAt('/target_version'),
    createdFrom: readInstant(textAt('/selection/created_at/from')),
    createdTo: readInstant(textAt('/selection/created_at/to')),
    mapping,
  };
}

async function faultsOfElement(
  { textAt }: SoundMembers,
  { elements }: NamedThings,
): Promise<readonly Fault[]> {
  const elementId = textAt('/selection/element_id');
  if (elementId === undefined) return [];
  const found = isElementId(elementId) ? await elements.findElement(elementId) : null;
  if (found !== null) return [];
  return [{ pointer: '/selection/element_id', message: 'is no storage element' }];
}

/** A name alone means the newest version, as it is now: the run keeps to that one. */
async function findTemplate(
  { textAt }: SoundMembers,
  { templates }: NamedThings,
): Promise<{ readonly id: string | null; readonly faults: readonly Fault[] }> {
  const sent = textAt('/template');
  if (sent === undefined) return { id: null, faults: [] };
  const reference = parseTemplateReference(sent);
  const found = reference === null ? null : await templates.findVersion(reference);
  if (found !== null) return { id: templateIdOf(found), faults: [] };
  return { id: null, faults: [{ pointer: '/template', message: 'is no registered template' }] };
}

function requestOf(sent: SentRequest, template: string | null): MigrationRequest {
  return {
    sourceVersion: sent.source_version,
    targetVersion: sent.target_version,
    selection: readSelection(sent.selection ?? {}),
    mapping: sent.mapping ?? {},
    mappingPolicy: sent.mapping_policy ?? 'refuse',
    template,
    batchSize: sent.batch_size ?? limits.migrationBatchFilesDefault,
    concurrency: sent.concurrency ?? limits.migrationConcurrencyDefault,
    filesPerSecond: sent.files_per_second ?? null,
    dryRun: sent.dry_run ?? false,
  };
}

function readSelection(sent: NonNullable<SentRequest['selection']>): MigrationRequest['selection'] {
  const fileIds =
    sent.file_ids?.map((text) => parseFileId(text)).filter((fileId) => fileId !== null) ?? null;
  if (fileIds?.length === 0) {
    const faults = [{ pointer: '/selection/file_ids', message: 'names no file' }];
    throw new DomainError('SELECTION_EMPTY', 'The selection names no file.', {
      details: { faults },
    });
  }
  return {
    elementId: (sent.element_id ?? null) as ElementId | null,
    createdFrom: readInstant(sent.created_at?.from),
    createdTo: readInstant(sent.created_at?.to),
    fileIds: fileIds === null ? null : [...new Set(fileIds)],
  };
}

/** The format of the schema is this same function: what passed it is an instant. */
function readInstant(text: string | null | undefined) {
  return text === undefined || text === null ? null : parseInstant(text);
}
