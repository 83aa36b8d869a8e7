import { createHash, randomUUID } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import { isDomainError, type ErrorCode } from '#domain/errors.ts';
import type { FileId } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import { chooseStorageName } from '#domain/naming/storage-name.ts';
import type { ContentToCommit, ObjectStore, StorageLocation } from '#domain/ports/object-store.ts';
import type { FileOutcome } from '#domain/uploads.ts';

/** What the suite needs of an adapter beside the port itself. */
export interface ObjectStoreHarness {
  readonly store: ObjectStore;
  /** Takes the marker away, or puts another element's in its place. */
  breakMarker(how: 'missing' | 'other'): Promise<void>;
  repairMarker(): Promise<void>;
  /** Cuts the last byte off stored content, behind the adapter's back. */
  shortenContent(location: StorageLocation): Promise<void>;
  /** Names of everything in staging, temporary files too. */
  listEverythingStaged(): Promise<readonly string[]>;
}

type Promises = (t: ExecutionContext, harness: ObjectStoreHarness) => Promise<void>;

/** The names of the specification that every part has to carry unharmed. */
const namesToCarry = [
  'отчет.pdf',
  'отчет 2024.pdf',
  'Договор поставки №127.pdf',
  'ファイル.pdf',
  'مستند.pdf',
  '📄document.pdf',
  'file (1).pdf',
  'file [copy].pdf',
  'file+new.pdf',
  'a"b.pdf',
  'a;b=c.pdf',
  '100%.pdf',
  `${'О порядке хранения документов '.repeat(5).slice(0, 140)}.pdf`,
  `${'x'.repeat(496)}.pdf`,
];

export interface TestFile extends ContentToCommit {
  readonly content: Buffer;
  readonly checksum: string;
  readonly sidecar: string;
}

export function makeFile(content: Buffer | string, originalFilename = 'report.pdf'): TestFile {
  const fileId = randomUUID() as FileId;
  const bytes = Buffer.from(content);
  const checksum = sha256Hex(bytes);
  const createdAt = parseInstant('2025-11-08T10:30:45Z')!;
  const location = chooseStorageName({ originalFilename, username: 'ivanov', createdAt, fileId });
  const sidecar = JSON.stringify({
    schema_version: '2.0',
    file_id: fileId,
    original_filename: location.originalFilename,
    storage_filename: location.storageFilename,
    file_size: bytes.length,
    storage_path: location.storagePath,
    checksum,
  });
  return { fileId, sizeBytes: bytes.length, content: bytes, checksum, sidecar, ...location };
}

export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export async function* inChunks(
  content: Uint8Array,
  chunkSize = 65_536,
): AsyncIterable<Uint8Array> {
  for (let start = 0; start < content.length; start += chunkSize) {
    yield content.subarray(start, start + chunkSize);
  }
}

function never(): AbortSignal {
  return new AbortController().signal;
}

export async function stage(store: ObjectStore, ...files: TestFile[]): Promise<void> {
  await Promise.all(
    files.map((file) =>
      store.stageContent(file.fileId, inChunks(file.content), { signal: never() }),
    ),
  );
}

export async function storeAll(store: ObjectStore, ...files: TestFile[]): Promise<FileOutcome[]> {
  await stage(store, ...files);
  const commits = await store.commitContents(files);
  const sidecars = await store.writeSidecars(files.map(firstSidecar));
  return [...commits, ...sidecars];
}

export function firstSidecar(file: TestFile): TestFile & { expectedDigest: null } {
  return { ...file, expectedDigest: null };
}

export async function readContent(
  store: ObjectStore,
  file: ContentToCommit,
  range: { start?: number; end?: number } = {},
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const options = { sizeBytes: file.sizeBytes, signal: never(), ...range };
  await using content = await store.openContent(file, options);
  // A chunk is ours only until the next one is asked for.
  for await (const chunk of content) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

export async function throwsCode(
  t: ExecutionContext,
  code: ErrorCode,
  call: () => Promise<unknown>,
): Promise<void> {
  const error: unknown = await t.throwsAsync(call);
  t.true(isDomainError(error, code), `expected ${code}, got ${String(error)}`);
}

function hasFailed(outcome: FileOutcome | undefined, code: ErrorCode): boolean {
  return outcome !== undefined && !outcome.ok && outcome.code === code;
}

const shouldStoreAFileAndReadItBack: Promises = async (t, { store }) => {
  const file = makeFile('content of a report');
  const staged = await store.stageContent(file.fileId, inChunks(file.content, 7), {
    signal: never(),
  });
  t.deepEqual(staged, { sizeBytes: file.sizeBytes, checksum: file.checksum });
  await throwsCode(t, 'CONTENT_MISSING', () => readContent(store, file));

  t.deepEqual(await store.commitContents([file]), [{ fileId: file.fileId, ok: true }]);
  t.false(await store.hasSidecar(file, sha256Hex(file.sidecar)));
  await throwsCode(t, 'CONTENT_MISSING', () => store.readSidecar(file));

  t.deepEqual(await store.writeSidecars([firstSidecar(file)]), [{ fileId: file.fileId, ok: true }]);
  t.true(await store.hasSidecar(file, sha256Hex(file.sidecar)));
  t.is(Buffer.from(await store.readSidecar(file)).toString(), file.sidecar);
  t.deepEqual(await readContent(store, file), file.content);
};

const shouldStoreAnEmptyFile: Promises = async (t, { store }) => {
  const file = makeFile('');
  t.true((await storeAll(store, file)).every((outcome) => outcome.ok));
  t.is((await readContent(store, file)).length, 0);
};

const shouldCarryEveryName: Promises = async (t, { store }) => {
  const files = namesToCarry.map((name) => makeFile(`content of ${name}`, name));
  t.true((await storeAll(store, ...files)).every((outcome) => outcome.ok));
  for (const file of files) {
    t.deepEqual(await readContent(store, file), file.content);
    t.true(await store.hasSidecar(file, sha256Hex(file.sidecar)));
  }
};

const shouldTakeEveryStepTwice: Promises = async (t, { store }) => {
  const file = makeFile('content');
  const done = [{ fileId: file.fileId, ok: true }];
  await stage(store, file);
  await stage(store, file);
  t.deepEqual(await store.commitContents([file]), done);
  t.deepEqual(await store.commitContents([file]), done);
  await store.returnContents([file]);
  await store.returnContents([file]);
  t.deepEqual(await store.commitContents([file]), done);
  t.deepEqual(await store.writeSidecars([firstSidecar(file)]), done);
  t.deepEqual(await store.writeSidecars([firstSidecar(file)]), done);
  t.deepEqual(await store.commitContents([file]), done);
  await store.discardStaged(file.fileId);
  await store.discardStaged(file.fileId);
  t.deepEqual(await readContent(store, file), file.content);
  t.is(Buffer.from(await store.readSidecar(file)).toString(), file.sidecar);
};

const shouldStoreSixtyThreeOfAGroupWithOneThatFails: Promises = async (t, { store }) => {
  const files = Array.from({ length: 64 }, (_, index) => makeFile(`content ${index}`));
  await stage(store, ...files);
  await store.discardStaged(files[17]!.fileId);
  const commits = await store.commitContents(files);
  t.true(hasFailed(commits[17], 'CONTENT_MISSING'));
  t.is(commits.filter(({ ok }) => ok).length, 63);

  const sidecars = await store.writeSidecars(files.map(firstSidecar));
  t.true(hasFailed(sidecars[17], 'CONTENT_MISSING'));
  t.is(sidecars.filter(({ ok }) => ok).length, 63);
  t.deepEqual(
    sidecars.map(({ fileId }) => fileId),
    files.map(({ fileId }) => fileId),
  );
  for (const [index, file] of files.entries()) {
    if (index !== 17) t.deepEqual(await readContent(store, file), file.content);
  }
};

const shouldRefuseContentOfAnotherSize: Promises = async (t, { store }) => {
  const file = makeFile('content');
  await stage(store, file);
  const [outcome] = await store.commitContents([{ ...file, sizeBytes: 8 }]);
  t.true(hasFailed(outcome, 'CONTENT_CORRUPT'));
  t.deepEqual(await store.commitContents([file]), [{ fileId: file.fileId, ok: true }]);
};

const shouldNeverOverwriteOtherContent: Promises = async (t, { store }) => {
  const first = makeFile('content that is here first');
  const second = { ...makeFile('something that differs'), ...locationOf(first) };
  await storeAll(store, first);
  await stage(store, second);
  const [outcome] = await store.commitContents([second]);
  t.true(hasFailed(outcome, 'CONTENT_CORRUPT'));
  t.deepEqual(await readContent(store, first), first.content);
};

function locationOf({ storagePath, storageFilename }: StorageLocation): StorageLocation {
  return { storagePath, storageFilename };
}

const shouldReturnContentToStaging: Promises = async (t, { store }) => {
  const file = makeFile('content');
  await stage(store, file);
  await store.returnContents([file]);
  await store.commitContents([file]);
  await store.returnContents([file]);
  await throwsCode(t, 'CONTENT_MISSING', () => readContent(store, file));
  t.deepEqual(await store.listStaged({ minAgeMs: 0, limit: 10 }), [file.fileId]);
  await store.commitContents([file]);
  t.deepEqual(await readContent(store, file), file.content);
};

const shouldLeaveContentThatHasASidecar: Promises = async (t, { store }) => {
  const file = makeFile('content');
  await storeAll(store, file);
  await store.returnContents([file]);
  t.deepEqual(await readContent(store, file), file.content);
  t.true(await store.hasSidecar(file, sha256Hex(file.sidecar)));
};

const shouldLetOneOfManyWritersWin: Promises = async (t, { store }) => {
  const file = makeFile('content');
  await stage(store, file);
  await store.commitContents([file]);
  const texts = Array.from({ length: 8 }, (_, index) => JSON.stringify({ writer: index }));
  const outcomes = await Promise.all(
    texts.map((sidecar) => store.writeSidecars([{ ...firstSidecar(file), sidecar }])),
  );
  const winners = texts.filter((_, index) => outcomes[index]?.[0]?.ok);
  t.is(winners.length, 1);
  t.is(outcomes.flat().filter((outcome) => hasFailed(outcome, 'SIDECAR_CORRUPT')).length, 7);
  t.deepEqual([Buffer.from(await store.readSidecar(file)).toString()], winners);
};

const shouldReplaceASidecarOnlyAtTheExpectedDigest: Promises = async (t, { store }) => {
  const file = makeFile('content');
  await storeAll(store, file);
  const next = { ...file, sidecar: '{"revision":2}', expectedDigest: sha256Hex(file.sidecar) };
  const done = [{ fileId: file.fileId, ok: true }];
  t.deepEqual(await store.writeSidecars([next]), done);
  t.deepEqual(await store.writeSidecars([next]), done);
  t.is(Buffer.from(await store.readSidecar(file)).toString(), next.sidecar);

  // A first attempt that was stalled until now.
  const [late] = await store.writeSidecars([firstSidecar(file)]);
  t.true(hasFailed(late, 'SIDECAR_CORRUPT'));
  t.is(Buffer.from(await store.readSidecar(file)).toString(), next.sidecar);
};

const shouldRefuseASidecarWithoutContent: Promises = async (t, { store }) => {
  const file = makeFile('content');
  const [outcome] = await store.writeSidecars([firstSidecar(file)]);
  t.true(hasFailed(outcome, 'CONTENT_MISSING'));
  t.false(await store.hasSidecar(file, sha256Hex(file.sidecar)));
};

const shouldReadRanges: Promises = async (t, { store }) => {
  const content = Buffer.alloc(700_001, 'Ranges are inclusive at both ends. ');
  const file = makeFile(content);
  await storeAll(store, file);
  const last = content.length - 1;
  const ranges = [
    { start: 0, end: 0 },
    { start: last, end: last },
    { start: 262_143, end: 262_144 },
    { start: 5, end: 600_000 },
    { start: 650_000 },
    { end: 9 },
  ];
  for (const range of ranges) {
    const expected = content.subarray(range.start ?? 0, (range.end ?? last) + 1);
    t.deepEqual(await readContent(store, file, range), expected);
  }
  for (const range of [{ start: last + 1 }, { start: 0, end: last + 1 }, { start: 9, end: 5 }]) {
    await throwsCode(t, 'RANGE_NOT_SATISFIABLE', () => readContent(store, file, range));
  }
};

const shouldTellContentThatBecameShorter: Promises = async (t, harness) => {
  const file = makeFile('content');
  await storeAll(harness.store, file);
  await harness.shortenContent(file);
  await throwsCode(t, 'CONTENT_CORRUPT', () => readContent(harness.store, file));
};

const shouldEndAReadOnAbort: Promises = async (t, { store }) => {
  const file = makeFile(Buffer.alloc(3_000_000, 1));
  await storeAll(store, file);
  const controller = new AbortController();
  const reason = new Error('the reader went away');
  await using content = await store.openContent(file, {
    sizeBytes: file.sizeBytes,
    signal: controller.signal,
  });
  const error = await t.throwsAsync(async () => {
    for await (const _ of content) controller.abort(reason);
  });
  t.is(error, reason);
};

const shouldLeaveNothingOfAnUploadThatEndsEarly: Promises = async (t, harness) => {
  const { store } = harness;
  const reason = new Error('the sender went away');
  async function* breaking(): AsyncIterable<Uint8Array> {
    yield Buffer.alloc(2_500_000);
    throw reason;
  }
  const fileId = randomUUID() as FileId;
  t.is(await t.throwsAsync(store.stageContent(fileId, breaking(), { signal: never() })), reason);

  const refused = store.stageContent(fileId, inChunks(Buffer.alloc(200_000)), {
    signal: never(),
    beforeWrite(totalBytes) {
      if (totalBytes > 100_000) throw reason;
    },
  });
  t.is(await t.throwsAsync(refused), reason);
  t.deepEqual(await harness.listEverythingStaged(), []);
};

const shouldNotWaitForASilentSenderAfterAnAbort: Promises = async (t, harness) => {
  const controller = new AbortController();
  const reason = new Error('no byte for too long');
  const { promise: isReading, resolve: reading } = Promise.withResolvers<void>();
  async function* silent(): AsyncIterable<Uint8Array> {
    yield Buffer.alloc(100_000);
    reading();
    await new Promise(() => undefined);
  }
  const staging = harness.store.stageContent(randomUUID() as FileId, silent(), {
    signal: controller.signal,
  });
  await isReading;
  controller.abort(reason);
  t.is(await t.throwsAsync(staging), reason);
  t.deepEqual(await harness.listEverythingStaged(), []);
};

const shouldAskBeforeEveryWrite: Promises = async (t, { store }) => {
  const totals: number[] = [];
  const { promise: permission, resolve: permit } = Promise.withResolvers<void>();
  const staging = store.stageContent(randomUUID() as FileId, inChunks(Buffer.alloc(250), 100), {
    signal: never(),
    async beforeWrite(totalBytes) {
      totals.push(totalBytes);
      if (totalBytes === 100) setImmediate(permit);
      await permission;
    },
  });
  t.is((await staging).sizeBytes, 250);
  t.deepEqual(totals, [100, 200, 250]);
};

const shouldStreamABigFileInFlatMemory: Promises = async (t, { store }) => {
  const chunk = Buffer.alloc(65_536, 'x');
  const chunkCount = 6144;
  const sizeBytes = chunk.length * chunkCount;
  const base = process.memoryUsage.rss();
  let peak = base;
  async function* big(): AsyncIterable<Uint8Array> {
    for (let sent = 0; sent < chunkCount; sent += 1) {
      if (sent % 64 === 0) peak = Math.max(peak, process.memoryUsage.rss());
      yield chunk;
    }
  }
  const file = { ...makeFile(''), sizeBytes };
  const staged = await store.stageContent(file.fileId, big(), { signal: never() });
  t.is(staged.sizeBytes, sizeBytes);
  await store.commitContents([file]);

  const hash = createHash('sha256');
  await using content = await store.openContent(file, { sizeBytes, signal: never() });
  for await (const part of content) {
    hash.update(part);
    peak = Math.max(peak, process.memoryUsage.rss());
  }
  t.is(hash.digest('hex'), staged.checksum);
  t.true(peak - base < 50 * 1_048_576, `grew by ${Math.round((peak - base) / 1_048_576)} MiB`);
};

const shouldReadStagedContentBack: Promises = async (t, { store }) => {
  const file = makeFile('content');
  await stage(store, file);
  const chunks: Uint8Array[] = [];
  await using content = await store.openStaged(file.fileId, { signal: never() });
  for await (const chunk of content) chunks.push(chunk);
  t.deepEqual(Buffer.concat(chunks), file.content);
};

const shouldListAndDiscardWhatIsStaged: Promises = async (t, harness) => {
  const { store } = harness;
  const files = [makeFile('a'), makeFile('b'), makeFile('c')];
  await stage(store, ...files);
  const listed = await store.listStaged({ minAgeMs: 0, limit: 10 });
  t.deepEqual(listed.toSorted(), files.map(({ fileId }) => fileId).toSorted());
  t.is((await store.listStaged({ minAgeMs: 0, limit: 2 })).length, 2);
  t.deepEqual(await store.listStaged({ minAgeMs: 3_600_000, limit: 10 }), []);
  for (const fileId of listed) await store.discardStaged(fileId);
  t.deepEqual(await harness.listEverythingStaged(), []);
};

const shouldTellItsFreeBytes: Promises = async (t, { store }) => {
  const freeBytes = await store.freeBytes();
  t.true(Number.isSafeInteger(freeBytes) && freeBytes > 0);
};

const shouldDoNothingWithoutItsMarker: Promises = async (t, harness) => {
  const { store } = harness;
  const file = makeFile('content');
  await storeAll(store, file);
  const other = makeFile('other');
  await stage(store, other);
  for (const how of ['missing', 'other'] as const) {
    await harness.breakMarker(how);
    const calls: (() => Promise<unknown>)[] = [
      () => store.checkMarker(),
      () => readContent(store, file),
      () => store.readSidecar(file),
      () => store.hasSidecar(file, sha256Hex(file.sidecar)),
      () => store.freeBytes(),
      () => store.listStaged({ minAgeMs: 0, limit: 1 }),
      () => stage(store, makeFile('new')),
      () => store.openStaged(other.fileId, { signal: never() }),
      () => store.discardStaged(other.fileId),
      () => store.commitContents([other]),
      () => store.returnContents([other]),
      () => store.writeSidecars([firstSidecar(other)]),
    ];
    for (const call of calls) await throwsCode(t, 'ELEMENT_UNAVAILABLE', call);
    await harness.repairMarker();
    t.deepEqual(await readContent(store, file), file.content);
    t.deepEqual(await store.listStaged({ minAgeMs: 0, limit: 10 }), [other.fileId]);
  }
};

const shouldRefuseLocationsThatLeadOut: Promises = async (t, { store }) => {
  const file = makeFile('content');
  await stage(store, file);
  const locations = [
    { storagePath: '../', storageFilename: 'x' },
    { storagePath: '/tmp/', storageFilename: 'x' },
    { storagePath: '2025/../../', storageFilename: 'x' },
    { storagePath: '.artstore/', storageFilename: 'element.json' },
    { storagePath: '2025', storageFilename: 'x' },
    { storagePath: '/', storageFilename: 'x' },
    // The root itself is a place like any other, but not for what is ours alone.
    { storagePath: '', storageFilename: '.artstore' },
    { storagePath: '', storageFilename: '../x' },
    { storagePath: '2025/11/08/10/', storageFilename: '../x' },
    { storagePath: '2025/11/08/10/', storageFilename: '..' },
    { storagePath: '2025/11/08/10/', storageFilename: 'a\0b' },
    { storagePath: '2025/11/08/10/', storageFilename: '' },
  ];
  for (const location of locations) {
    const [commit] = await store.commitContents([{ ...file, ...location }]);
    t.true(hasFailed(commit, 'INTERNAL'));
    const [sidecar] = await store.writeSidecars([{ ...firstSidecar(file), ...location }]);
    t.true(hasFailed(sidecar, 'INTERNAL'));
    await throwsCode(t, 'INTERNAL', () => store.readSidecar(location));
    await throwsCode(t, 'INTERNAL', () => readContent(store, { ...file, ...location }));
  }
};

/** What every adapter of the port has to do. */
export const objectStoreContract: Readonly<Record<string, Promises>> = {
  shouldStoreAFileAndReadItBack,
  shouldStoreAnEmptyFile,
  shouldCarryEveryName,
  shouldTakeEveryStepTwice,
  shouldStoreSixtyThreeOfAGroupWithOneThatFails,
  shouldRefuseContentOfAnotherSize,
  shouldNeverOverwriteOtherContent,
  shouldReturnContentToStaging,
  shouldLeaveContentThatHasASidecar,
  shouldLetOneOfManyWritersWin,
  shouldReplaceASidecarOnlyAtTheExpectedDigest,
  shouldRefuseASidecarWithoutContent,
  shouldReadRanges,
  shouldTellContentThatBecameShorter,
  shouldEndAReadOnAbort,
  shouldLeaveNothingOfAnUploadThatEndsEarly,
  shouldNotWaitForASilentSenderAfterAnAbort,
  shouldAskBeforeEveryWrite,
  shouldStreamABigFileInFlatMemory,
  shouldReadStagedContentBack,
  shouldListAndDiscardWhatIsStaged,
  shouldTellItsFreeBytes,
  shouldDoNothingWithoutItsMarker,
  shouldRefuseLocationsThatLeadOut,
};
