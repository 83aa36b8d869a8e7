import { defineEntity, p } from '@mikro-orm/postgresql';

/**
 * Rows of the cold tables, as the ORM maps them; they never leave this folder. The hot tables
 * (uploads, files, outbox, operations) are plain SQL and stand in the migrations only.
 */
export const StorageElementRow = defineEntity({
  name: 'StorageElementRow',
  tableName: 'storage_elements',
  properties: {
    elementId: p.text().primary().collation('C'),
    name: p.text(),
    type: p.text(),
    mode: p.text(),
    priority: p.integer().default(100),
    capacityBytes: p.bigint('number'),
    usedBytes: p.bigint('number').defaultRaw('0'),
    reservedBytes: p.bigint('number').defaultRaw('0'),
    location: p.type('json').$type<{ path: string }>(),
    status: p.text().default('online'),
  },
  checks: [
    {
      name: 'storage_elements_element_id_check',
      expression: "element_id ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'",
    },
    { name: 'storage_elements_type_check', expression: "type in ('filesystem', 's3')" },
    { name: 'storage_elements_mode_check', expression: "mode in ('edit', 'rw', 'ro', 'ar')" },
    {
      name: 'storage_elements_status_check',
      expression: "status in ('online', 'degraded', 'offline', 'maintenance')",
    },
    { name: 'storage_elements_capacity_check', expression: 'capacity_bytes >= 0' },
    { name: 'storage_elements_used_check', expression: 'used_bytes >= 0' },
    { name: 'storage_elements_reserved_check', expression: 'reserved_bytes >= 0' },
  ],
});

export const ServiceAccountRow = defineEntity({
  name: 'ServiceAccountRow',
  tableName: 'service_accounts',
  properties: {
    accountId: p.uuid().primary(),
    name: p.text(),
    clientId: p.text().collation('C'),
    role: p.text(),
    scopes: p.array().columnType('text[]').nullable(),
    secretHash: p.text(),
    status: p.text().default('active'),
    isSystem: p.boolean().default(false),
    createdAt: p.datetime().columnType('timestamptz').defaultRaw('now()'),
  },
  checks: [
    {
      name: 'service_accounts_status_check',
      expression: "status in ('active', 'suspended', 'expired', 'deleted')",
    },
  ],
  uniques: [
    {
      name: 'service_accounts_client_id',
      properties: 'clientId',
      where: "status <> 'deleted'",
    },
  ],
});

export const SigningKeyRow = defineEntity({
  name: 'SigningKeyRow',
  tableName: 'signing_keys',
  properties: {
    keyId: p.text().primary().collation('C'),
    algorithm: p.text(),
    publicJwk: p.type('json').$type<Record<string, unknown>>(),
    /** AES-256-GCM under the master key, bound to the key id. */
    privateJwkEncrypted: p.blob(),
    state: p.text(),
    createdAt: p.datetime().columnType('timestamptz'),
  },
  checks: [{ name: 'signing_keys_state_check', expression: "state in ('active', 'verifying')" }],
  uniques: [{ name: 'signing_keys_one_active', properties: 'state', where: "state = 'active'" }],
});

export const entities = [StorageElementRow, ServiceAccountRow, SigningKeyRow];

/** Tables that the ORM does not map: its schema comparison leaves them alone. */
export const unmappedTables = [
  'uploads',
  'files',
  'operations',
  'operation_failures',
  'operation_keys',
  'outbox',
  'outbox_positions',
  'feed_epoch',
  'tombstones',
  'templates',
  'migration_runs',
  'migration_named_files',
  'migration_shards',
  'migration_elements',
  'migration_files',
];
