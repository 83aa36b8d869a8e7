import { isElementId } from '#domain/ids.ts';
import {
  choice,
  defaulting,
  integer,
  keyBytes,
  list,
  optional,
  required,
  text,
  type Setting,
} from './setting.ts';
import {
  checkAddress,
  checkClientId,
  checkHost,
  checkHttpUrl,
  checkName,
  checkOrigin,
  checkPath,
  checkScheme,
  checkSecret,
} from './setting-checks.ts';

/**
 * Every setting of the product, in groups; each process composes its own schema of them. The
 * table of all of them is `.env.example`, which a test compares with this file.
 */
const http = {
  httpHost: defaulting(
    {
      variable: 'ARTSTORE_HTTP_HOST',
      description: 'Address on which the API listens.',
      defaultText: '127.0.0.1',
    },
    text(checkHost),
  ),
  httpPort: defaulting(
    {
      variable: 'ARTSTORE_HTTP_PORT',
      description: 'Port on which the API listens. With 0 every part takes a free one.',
      defaultText: '8080',
    },
    integer({ min: 0, max: 65_535 }),
  ),
  publicUrl: optional(
    {
      variable: 'ARTSTORE_PUBLIC_URL',
      description:
        'Origin under which clients reach the API, issuer of its tokens. Unset: http://<host>:<port>.',
    },
    text(checkOrigin),
  ),
};

const temporalAddress = {
  variable: 'ARTSTORE_TEMPORAL_ADDRESS',
  description:
    "host:port of Temporal's frontend. With npm start: use this server instead of starting one.",
} as const;

const temporal = {
  temporalNamespace: defaulting(
    {
      variable: 'ARTSTORE_TEMPORAL_NAMESPACE',
      description: 'Namespace in Temporal; made at start when it is missing.',
      defaultText: 'artstore',
    },
    text(checkName),
  ),
  temporalUiUrl: optional(
    {
      variable: 'ARTSTORE_TEMPORAL_UI_URL',
      description: "Where Temporal's UI is, when npm start does not start one.",
    },
    text(checkHttpUrl),
  ),
};

const connections = {
  databaseUrl: required(
    {
      variable: 'ARTSTORE_DATABASE_URL',
      description: 'PostgreSQL, as postgres://user:password@host:port/database.',
      isSecret: true,
    },
    text(checkScheme('postgres:', 'postgresql:')),
  ),
  databasePoolSize: defaulting(
    {
      variable: 'ARTSTORE_DATABASE_POOL_SIZE',
      description: 'Connections to PostgreSQL that a process holds at most.',
      defaultText: '16',
    },
    integer({ min: 1, max: 1000 }),
  ),
  temporalAddress: required(temporalAddress, text(checkAddress)),
  redisUrl: optional(
    {
      variable: 'ARTSTORE_REDIS_URL',
      description: 'Redis, as redis://[:password@]host:port. Unset: no cache.',
      isSecret: true,
    },
    text(checkScheme('redis:', 'rediss:')),
  ),
  meilisearchUrl: optional(
    {
      variable: 'ARTSTORE_MEILISEARCH_URL',
      description: 'Meilisearch. Unset: PostgreSQL answers searches.',
    },
    text(checkHttpUrl),
  ),
  meilisearchKey: optional(
    {
      variable: 'ARTSTORE_MEILISEARCH_KEY',
      description: 'API key for Meilisearch.',
      isSecret: true,
    },
    text(checkSecret),
  ),
};

const deletions = {
  deletionGraceSeconds: defaulting(
    {
      variable: 'ARTSTORE_DELETION_GRACE_SECONDS',
      description: 'How long the deletion of a file can still be cancelled.',
      defaultText: '0',
    },
    integer({ min: 0, max: 31_536_000 }),
  ),
};

const logging = {
  logLevel: defaulting(
    {
      variable: 'ARTSTORE_LOG_LEVEL',
      description: 'Least severe level that is logged.',
      defaultText: 'info',
    },
    choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal']),
  ),
};

export const apiSettings = {
  ...http,
  ...connections,
  ...temporal,
  masterKey: required(
    {
      variable: 'ARTSTORE_MASTER_KEY',
      description:
        'Encrypts the keys that sign tokens: 32 random bytes in Base64. Lose it and they are lost.',
      isSecret: true,
    },
    keyBytes(32),
  ),
  ...deletions,
  ...logging,
};

export const workerSettings = {
  ...connections,
  ...temporal,
  workerElements: optional(
    {
      variable: 'ARTSTORE_WORKER_ELEMENTS',
      description:
        'Storage elements that a worker serves: ids with commas. Unset: all that are online.',
    },
    list(isElementId, 'must be ids of storage elements, separated by commas'),
  ),
  ...logging,
};

export const embeddedSettings = {
  dataDirectory: defaulting(
    {
      variable: 'ARTSTORE_DATA_DIR',
      description: 'Where npm start keeps everything.',
      defaultText: './.artstore',
    },
    text(checkPath),
  ),
  ...http,
  initialClientId: optional(
    {
      variable: 'ARTSTORE_INITIAL_CLIENT_ID',
      description: 'Client id of the account that the first start makes. Unset: generated.',
    },
    text(checkClientId),
  ),
  initialClientSecret: optional(
    {
      variable: 'ARTSTORE_INITIAL_CLIENT_SECRET',
      description: 'Secret of that account, 16 to 256 characters. Unset: generated.',
      isSecret: true,
    },
    text(checkSecret),
  ),
  ...temporal,
  temporalAddress: optional(temporalAddress, text(checkAddress)),
  ...deletions,
  ...logging,
};

export interface DocumentedVariable {
  readonly variable: string;
  readonly description: string;
  readonly defaultText: string | null;
  /** Can also be given as `<variable>_FILE`. */
  readonly isSecret: boolean;
}

const everySetting: Readonly<Record<string, Setting<unknown>>> = {
  ...embeddedSettings,
  ...apiSettings,
  ...workerSettings,
};

/** Every variable once, in the order of `.env.example`. */
export const documentedVariables: readonly DocumentedVariable[] = Object.values(everySetting).map(
  ({ variable, description, defaultText, isSecret }) => ({
    variable,
    description,
    defaultText,
    isSecret: isSecret === true,
  }),
);
