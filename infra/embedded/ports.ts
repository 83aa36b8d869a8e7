import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { writeFileAtomically } from './atomic-file.ts';

/** Where each part listens when nothing else is said; taken only when free. */
const usualPorts = {
  api: 8080,
  postgres: 5432,
  meilisearch: 7700,
  redis: 6379,
  'temporal-ui': 8233,
  'temporal-frontend': 7233,
  'temporal-frontend-membership': 6933,
  'temporal-frontend-http': 7243,
  'temporal-history': 7234,
  'temporal-history-membership': 6934,
  'temporal-matching': 7235,
  'temporal-matching-membership': 6935,
  'temporal-worker': 7239,
  'temporal-worker-membership': 6939,
} as const;

export type PortName = keyof typeof usualPorts;
export type Ports = Readonly<Record<PortName, number>>;

/** Below the range from which systems take ports for outgoing connections, so nobody is in the way later. */
const freeRange = { min: 10_000, max: 30_000 };
const attempts = 200;
const loopback = '127.0.0.1';

/**
 * A port for every part: the one of the last start when it is still free, else (`areUsual`) the
 * usual one, else a free one. Remembered in `file`.
 */
export async function choosePorts(file: string, areUsual: boolean): Promise<Ports> {
  const remembered = readPorts(file);
  const chosen = new Map<PortName, number>();
  for (const name of Object.keys(usualPorts) as PortName[]) {
    const preferred = [remembered[name], areUsual ? usualPorts[name] : undefined];
    const candidates = preferred.filter((port) => port !== undefined);
    chosen.set(name, await findFreePort(candidates, new Set(chosen.values())));
  }
  const ports = Object.fromEntries(chosen) as Ports;
  writeFileAtomically(file, `${JSON.stringify(ports)}\n`, 0o600);
  return ports;
}

async function findFreePort(
  candidates: readonly number[],
  taken: ReadonlySet<number>,
): Promise<number> {
  for (const port of candidates) {
    if (!taken.has(port) && (await isPortFree(port, loopback))) return port;
  }
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const port = randomInt(freeRange.min, freeRange.max);
    if (!taken.has(port) && (await isPortFree(port, loopback))) return port;
  }
  throw new Error('no free port was found');
}

export async function isPortFree(port: number, host: string): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

function readPorts(file: string): Partial<Record<PortName, number>> {
  try {
    const found = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    const names = Object.keys(usualPorts) as PortName[];
    return Object.fromEntries(
      names.flatMap((name) => (Number.isInteger(found[name]) ? [[name, found[name]]] : [])),
    ) as Partial<Record<PortName, number>>;
  } catch {
    return {};
  }
}
