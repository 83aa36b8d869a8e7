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
  batchFiles: 100,
  mergePatchBytes: 65_536,

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
  cacheTtlSeconds: 300,
  cacheFloorSeconds: 10,
  cacheTimeoutMs: 200,

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
