import type { JsonObject } from '#domain/json.ts';

/** What the options of `migrate plan` and `migrate run` say. */
export interface MigrationOptions {
  readonly from: string;
  readonly to: string;
  readonly element?: string;
  readonly createdFrom?: string;
  readonly createdTo?: string;
  readonly map?: Readonly<Record<string, string>>;
  readonly mappingPolicy?: string;
  readonly template?: string;
  readonly batchSize?: number;
  readonly concurrency?: number;
  readonly rate?: number;
}

/** The body of `POST /migrations`; only what was said, the server knows the rest. */
export function buildMigration(
  options: MigrationOptions,
  { fileIds, isDryRun }: { readonly fileIds: readonly string[] | null; readonly isDryRun: boolean },
): JsonObject {
  const { element, createdFrom, createdTo, map, mappingPolicy, template } = options;
  const created = {
    ...(createdFrom !== undefined && { from: createdFrom }),
    ...(createdTo !== undefined && { to: createdTo }),
  };
  const selection = {
    ...(element !== undefined && { element_id: element }),
    ...(Object.keys(created).length > 0 && { created_at: created }),
    ...(fileIds !== null && { file_ids: fileIds }),
  };
  return {
    source_version: options.from,
    target_version: options.to,
    ...(Object.keys(selection).length > 0 && { selection }),
    ...(map !== undefined && { mapping: map }),
    ...(mappingPolicy !== undefined && { mapping_policy: mappingPolicy }),
    ...(template !== undefined && { template }),
    ...(options.batchSize !== undefined && { batch_size: options.batchSize }),
    ...buildPace(options),
    ...(isDryRun && { dry_run: true }),
  };
}

export function buildPace({
  concurrency,
  rate,
}: Pick<MigrationOptions, 'concurrency' | 'rate'>): JsonObject {
  return {
    ...(concurrency !== undefined && { concurrency }),
    ...(rate !== undefined && { files_per_second: rate }),
  };
}
