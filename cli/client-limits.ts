/** Every limit of the command in one place; `docs/cli.md` tells users of those they can meet. */
export const clientLimits = {
  /** Until a connection stands, TLS included. */
  connectTimeoutMs: 10_000,
  /** No byte in either direction for so long: longer than the server holds any caller. */
  idleTimeoutMs: 120_000,
  retriesDefault: 6,
  retriesMax: 100,
  retryDelayMs: 500,
  retryDelayMaxMs: 16_000,
  /** A server that asks for more patience than this is taken for away. */
  retryAfterMaxMs: 120_000,
  /** Of one JSON answer: a full page of the largest attributes stays far below. */
  answerBytes: 67_108_864,
  /** A token with less time left is renewed before it is used. */
  tokenLeewayMs: 60_000,
  /** Beyond what the request itself took, by the server's own clock. */
  replayMarginMs: 5_000,
  pollMinMs: 200,
  pollMaxMs: 2_000,
  /** While an operation is watched the server may be away for so long. */
  outageMs: 300_000,
  parallelDefault: 4,
  parallelMax: 64,
  readChunkBytes: 262_144,
  /** Of a JSON file or a list of ids that is given as an argument. */
  argumentFileBytes: 16_777_216,
  directoryDepth: 256,
  nameBytes: 255,
} as const;
