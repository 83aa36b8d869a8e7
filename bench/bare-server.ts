/**
 * What the product is compared with: as little as a durable store can do in Node. POST receives,
 * hashes, writes, fsyncs, renames, fsyncs the directory and makes one INSERT; no accounts, no
 * sidecar, no workflow. Started by `bare-target.ts`, which sends the settings over IPC.
 */
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, type FileHandle } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { Pool } from 'pg';

export interface BareSettings {
  readonly directory: string;
  readonly databaseUrl: string;
}

interface Store {
  readonly pool: Pool;
  readonly stagingDirectory: string;
  readonly contentDirectory: string;
  readonly contentDirectoryHandle: FileHandle;
}

interface Row {
  readonly size_bytes: string;
  readonly attributes: string;
}

const poolSize = 16;
const keepAliveMs = 65_000;
const readChunkBytes = 262_144;

async function openStore(settings: BareSettings): Promise<Store> {
  const stagingDirectory = join(settings.directory, 'staging');
  const contentDirectory = join(settings.directory, 'content');
  await mkdir(stagingDirectory, { recursive: true });
  await mkdir(contentDirectory, { recursive: true });
  const pool = new Pool({ connectionString: settings.databaseUrl, max: poolSize });
  await pool.query(
    'CREATE TABLE IF NOT EXISTS files (id uuid PRIMARY KEY, size_bytes bigint, attributes text)',
  );
  const contentDirectoryHandle = await open(contentDirectory, 'r');
  return { pool, stagingDirectory, contentDirectory, contentDirectoryHandle };
}

async function writeBody(path: string, body: AsyncIterable<Buffer>) {
  const file = await open(path, 'wx');
  try {
    const hash = createHash('sha256');
    let sizeBytes = 0;
    for await (const chunk of body) {
      const written = file.write(chunk);
      hash.update(chunk);
      sizeBytes += chunk.length;
      await written;
    }
    await file.sync();
    return { sizeBytes, checksum: hash.digest('hex') };
  } finally {
    await file.close();
  }
}

async function storeFile(store: Store, request: IncomingMessage): Promise<string> {
  const id = randomUUID();
  const stagedPath = join(store.stagingDirectory, id);
  const { sizeBytes, checksum } = await writeBody(stagedPath, request);
  await rename(stagedPath, join(store.contentDirectory, id));
  await store.contentDirectoryHandle.sync();
  const attributes = JSON.stringify({
    file_id: id,
    original_filename: 'bench.bin',
    file_size: sizeBytes,
    content_type: 'application/octet-stream',
    checksum: { algorithm: 'sha-256', value: checksum },
    created_at: new Date().toISOString(),
  });
  await store.pool.query({
    name: 'insert-file',
    text: 'INSERT INTO files (id, size_bytes, attributes) VALUES ($1, $2, $3)',
    values: [id, sizeBytes, attributes],
  });
  return attributes;
}

async function findRow(store: Store, id: string): Promise<Row> {
  const { rows } = await store.pool.query<Row>({
    name: 'select-file',
    text: 'SELECT size_bytes, attributes FROM files WHERE id = $1',
    values: [id],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('no such file');
  return row;
}

async function sendContent(store: Store, id: string, answer: ServerResponse): Promise<void> {
  const row = await findRow(store, id);
  answer.writeHead(200, { 'Content-Length': row.size_bytes });
  const content = createReadStream(join(store.contentDirectory, id), {
    highWaterMark: readChunkBytes,
  });
  await pipeline(content, answer);
}

/** The same with what a store must do that promises to notice damage: it hashes what it sends. */
async function sendHashedContent(store: Store, id: string, answer: ServerResponse): Promise<void> {
  const row = await findRow(store, id);
  answer.writeHead(200, { 'Content-Length': row.size_bytes });
  const hash = createHash('sha256');
  const content = createReadStream(join(store.contentDirectory, id), {
    highWaterMark: readChunkBytes,
  });
  for await (const chunk of content as AsyncIterable<Buffer>) {
    const hasRoom = answer.write(chunk);
    hash.update(chunk);
    if (!hasRoom) await once(answer, 'drain');
  }
  if (!row.attributes.includes(hash.digest('hex'))) answer.destroy();
  answer.end();
}

function sendJson(answer: ServerResponse, status: number, text: string): void {
  answer.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  });
  answer.end(text);
}

async function respond(store: Store, request: IncomingMessage, answer: ServerResponse) {
  const [, resource, id = '', part] = (request.url ?? '').split('/');
  if (resource !== 'files') sendJson(answer, 404, '{}');
  else if (request.method === 'POST') sendJson(answer, 201, await storeFile(store, request));
  else if (part === 'content') await sendContent(store, id, answer);
  else if (part === 'hashed-content') await sendHashedContent(store, id, answer);
  else sendJson(answer, 200, (await findRow(store, id)).attributes);
}

async function serve(settings: BareSettings): Promise<void> {
  const store = await openStore(settings);
  const server = createServer((request, answer) => {
    respond(store, request, answer).catch((error: unknown) => {
      console.error('the bare server:', error);
      answer.destroy();
    });
  });
  // Longer than a connection of the generator may lie idle: closing and opening is not compared.
  server.keepAliveTimeout = keepAliveMs;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  process.send?.({ port });
}

process.once('message', (settings: BareSettings) => void serve(settings));
process.on('disconnect', () => process.exit());
