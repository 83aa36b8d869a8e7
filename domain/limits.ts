/**
 * Every limit of the product in one place. Units stand last in each name. `docs/limits.md` lists
 * them for users.
 */
export const limits = {
  // Attributes
  sidecarSizeBytes: 4096,
  /** Kept free on upload and PATCH: only retention and holds may use it. */
  sidecarReserveBytes: 512,
  /** A larger sidecar found on an element is reported, not read. */
  sidecarReadCapBytes: 1_048_576,
  jsonDepth: 64,
  tagCount: 50,
  tagLengthChars: 50,
  originalFilenameChars: 500,
  ttlDaysMin: 1,
  ttlDaysMax: 365,
  ttlDaysDefault: 30,
  /** Free text: the document's own version. */
  versionChars: 100,

  // Storage names
  storageFilenameChars: 200,
  fileSystemNameBytes: 255,
  usernameInNameChars: 40,
  usernameInNameBytes: 80,
  extensionChars: 16,
  extensionBytes: 32,

  // Uploads
  uploadSizeBytes: 107_374_182_400,
  /** Unknown lengths reserve room in steps of this size. */
  reservationStepBytes: 67_108_864,
  uploadLeaseMs: 30_000,
  uploadLeaseRenewMs: 10_000,
  /** No byte for so long: the sender is taken for dead. */
  uploadIdleMs: 30_000,
  /** So much must arrive in `uploadIdleMs` of waiting, or the sender only holds the place. */
  uploadIdleBytes: 1024,
  /** How long a caller is held before 202 with the operation. */
  storeDeadlineMs: 30_000,
  /** Uploads of one API process that are received, staged or waiting for their group; above: 503. */
  admittedUploads: 512,
  groupFiles: 64,
  idempotencyKeyChars: 255,
  idempotencyKeyKeptHours: 24,
  /** A key whose operation does not stand after so long is given to the next request with it. */
  keyClaimMs: 30_000,
  /** Parts of one form; repeated tags count each. */
  multipartFields: 100,
  multipartFieldBytes: 65_536,
  multipartHeaderPairs: 32,

  // HTTP
  headerBytes: 16_384,
  jsonBodyBytes: 1_048_576,
  formBodyBytes: 16_384,
  urlBytes: 8_192,
  pageSizeDefault: 100,
  pageSizeMax: 1000,
  cursorChars: 4096,
  rangeCount: 32,
  requestIdChars: 128,
  headersTimeoutMs: 20_000,
  keepAliveMs: 65_000,
  drainMs: 30_000,
  retryAfterSeconds: 2,
  /** A receiver that takes nothing for so long is taken for dead. */
  downloadIdleMs: 60_000,
  /** After an early answer the rest of the body is discarded for so long, then the connection ends. */
  lingerMs: 2_000,
  healthCheckMs: 2_000,

  // Tokens
  tokenLifeSeconds: 1800,
  tokenLeewaySeconds: 30,
  tokenRequestsPerMinute: 100,
  /** Verified tokens an API process remembers. */
  tokenCacheEntries: 10_000,

  // Changes and deletions
  /** PATCH and DELETE of one API process that are waited for; above: 503. */
  admittedChanges: 256,
  batchFiles: 100,
  mergePatchBytes: 65_536,

  // Templates
  templateNameChars: 64,
  templateSizeBytes: 65_536,
  /** With white space and the name around it. */
  templateBodyBytes: 131_072,
  /** Values of every kind in a schema. */
  templateNodes: 5000,
  templateSubschemas: 250,
  /** Places that `$ref`s lead to. */
  templateReferences: 64,
  /** Subschemas within each other. */
  templateDepth: 32,
  templatePatterns: 50,
  /** Of all regular expressions of a template together. */
  templatePatternChars: 4000,
  /** Instructions of one compiled regular expression. */
  templatePatternSize: 1000,
  /** Of one check: looks of subschemas at values, steps of regular expressions. */
  templateCheckUnits: 1_000_000,
  templateFaults: 100,
  /** Compiled templates that a process keeps. */
  templatesCompiled: 100,
  /** After so many characters the regular expressions forget what they remember of them. */
  patternMemoryChars: 100_000,

  // Search
  searchQueryChars: 500,
  searchFilterItems: 50,
  searchCandidates: 10_000,
  /** A part of a name that is too short for an index is looked for in so many newest files. */
  searchScanFiles: 100_000,
  searchTimeoutMs: 5_000,
  searchPageSizeMax: 100,
  facetCount: 10,
  suggestItems: 10,
  facetValues: 20,
  searchEngineTimeoutMs: 1_000,
  /** Of one request that writes to the search index, and of all that becomes of it. */
  searchEngineWriteTimeoutMs: 10_000,
  searchEngineTaskTimeoutMs: 120_000,

  // Feed and caches
  eventPageSizeMax: 1000,
  eventsKeptDays: 30,
  outboxBatch: 1000,
  /** Of the events that are read at once, whatever their number; a single one may have more. */
  outboxPageFiles: 10_000,
  cacheTtlSeconds: 300,
  cacheFloorSeconds: 10,
  cacheTimeoutMs: 200,

  // Whole elements
  /** Names of one directory that are held at once; a larger directory is read several times. */
  directoryNamesHeld: 200_000,
  /** Directories below each other. */
  elementDepth: 32,
  /** Storage elements of one installation: their list is answered, and looked at, as a whole. */
  elementCount: 500,
  elementNameChars: 200,
  elementPathChars: 1000,
  elementPriorityMax: 1_000_000,
  elementBodyBytes: 16_384,
  /** Of a file's directory: an index of the catalogue must hold it. */
  storagePathBytes: 2_048,
  /** Files that a rebuild writes at once, and the sidecars that it holds for that. */
  rebuildBatchFiles: 500,
  rebuildBatchBytes: 8_388_608,
  /** Files that are compared with their rows at once, and the sidecars that are held for that. */
  reconcileBatchFiles: 500,
  reconcileBatchBytes: 8_388_608,
  /** What looks wrong is looked at again after so long. */
  reconcilePauseMs: 1_000,
  /** Above both of them nothing is repaired: the fault is one of the mount, or of the code. */
  reconcileWrongFiles: 10,
  reconcileWrongShare: 0.01,
  /** Findings that are repaired at once. */
  repairBatchFiles: 100,
  /** Rows of an element are counted up to here, for the progress that is shown. */
  countedRows: 1_000_000,

  // Bulk migrations
  /** A selection of single files. */
  migrationFileIds: 10_000,
  migrationBatchFilesMin: 500,
  migrationBatchFilesMax: 2000,
  migrationBatchFilesDefault: 1000,
  /** Shards of one run that work at once. */
  migrationConcurrencyMax: 16,
  migrationConcurrencyDefault: 2,
  migrationFilesPerSecondMin: 1,
  migrationFilesPerSecondMax: 1_000_000,
  migrationMappingKeys: 100,
  migrationMappingKeyChars: 256,
  /** Claimed, read, written and recorded together: what a crash repeats at most. */
  migrationChunkFiles: 64,
  /** Of a whole run; fewer where a shard would be smaller than a batch. */
  migrationShards: 64,
  /** Counts by ranges of ids that the planning of an element holds at once. */
  migrationStretches: 1024,
  /** So long the files that others hold at the end of a shard are waited for: then `FILE_BUSY`. */
  migrationBusyWaitMs: 30_000,
  /** So long a change waits for a file that a migration holds. */
  migrationClaimWaitMs: 2_000,

  // Sweeps
  /** Staged, but no group took it: a living API decides within `storeDeadlineMs`, so its API has died. */
  stagedUploadKeptMs: 60_000,
  /** Failed uploads leave the table after this. */
  failedUploadKeptHours: 24,
  /** Content in staging without a living upload, and content without a sidecar. */
  stagingGraceHours: 24,
  sweepBatch: 500,
  /** A group that was not heard of for so long may have lost its workflow. */
  stalledGroupIdleMs: 60_000,
  /** Content in staging of a failed upload: whoever wrote it last has stopped by then. */
  failedStagingKeptMs: 60_000,
  /** So long a start that Temporal does not take is repeated, then the caller gets 503. */
  startDeadlineMs: 10_000,
} as const;
