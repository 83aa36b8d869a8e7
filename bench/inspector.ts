import { once } from 'node:events';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** What `Profiler.stop` returns, the format of `.cpuprofile` files. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface ThreadProfile {
  /** `main`, or the title of a worker thread. */
  readonly thread: string;
  readonly profile: CpuProfile;
}

/** An inspector session with a process that runs already: V8 opens one on SIGUSR1. */
export interface Inspector extends Disposable {
  startProfile(): Promise<void>;
  stopProfile(): Promise<readonly ThreadProfile[]>;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly sessionId?: string;
    readonly message?: string;
    readonly workerInfo?: { readonly title: string };
  };
  readonly result?: { readonly profile?: CpuProfile };
  readonly error?: { readonly message: string };
}

const samplingIntervalUs = 500;
const openLimitMs = 10_000;

export async function openInspector(pid: number): Promise<Inspector> {
  const socket = new WebSocket(await openInspectorPort(pid));
  await once(socket, 'open');
  const session = createSession(socket);
  // Reports the worker threads that live, each with a session inside this one.
  await session.send('NodeWorker.enable', { waitForDebuggerOnStart: false });
  const threads = (): readonly (string | null)[] => [null, ...session.workers.keys()];
  return {
    async startProfile() {
      for (const thread of threads()) {
        await session.send('Profiler.enable', {}, thread);
        await session.send(
          'Profiler.setSamplingInterval',
          { interval: samplingIntervalUs },
          thread,
        );
        await session.send('Profiler.start', {}, thread);
      }
    },
    async stopProfile() {
      const profiles: ThreadProfile[] = [];
      for (const thread of threads()) {
        const { profile } = (await session.send('Profiler.stop', {}, thread)) ?? {};
        const name = thread === null ? 'main' : (session.workers.get(thread) ?? thread);
        if (profile !== undefined) profiles.push({ thread: name, profile });
      }
      return profiles;
    },
    [Symbol.dispose]() {
      socket.close();
    },
  };
}

function createSession(socket: WebSocket) {
  const workers = new Map<string, string>();
  const waiting = new Map<number, (message: Message) => void>();
  let lastId = 0;

  function receive(text: string): void {
    const message = JSON.parse(text) as Message;
    const { sessionId, workerInfo, message: inner } = message.params ?? {};
    if (message.id !== undefined) waiting.get(message.id)?.(message);
    else if (message.method === 'NodeWorker.attachedToWorker' && sessionId !== undefined) {
      workers.set(sessionId, workerInfo?.title ?? sessionId);
    } else if (message.method === 'NodeWorker.receivedMessageFromWorker') receive(inner ?? '{}');
  }
  socket.addEventListener('message', (event) => receive(String(event.data)));

  async function send(method: string, params: object, thread: string | null = null) {
    lastId += 1;
    const id = lastId;
    const { promise, resolve } = Promise.withResolvers<Message>();
    waiting.set(id, resolve);
    const text = JSON.stringify({ id, method, params });
    if (thread === null) socket.send(text);
    else void send('NodeWorker.sendMessageToWorker', { sessionId: thread, message: text });
    const reply = await promise;
    waiting.delete(id);
    if (reply.error !== undefined) throw new Error(`${method}: ${reply.error.message}`);
    return reply.result;
  }

  return { workers, send };
}

/** @returns the address of the session; asks the process to listen unless it does. */
async function openInspectorPort(pid: number): Promise<string> {
  const limitAt = Date.now() + openLimitMs;
  process.kill(pid, 'SIGUSR1');
  while (Date.now() < limitAt) {
    for (const port of await findListeningPorts(pid)) {
      const url = await findSessionUrl(port);
      if (url !== null) return url;
    }
    await delay(50);
  }
  throw new Error(`process ${pid} opened no inspector`);
}

async function findSessionUrl(port: number): Promise<string | null> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/json/list`, {
      signal: AbortSignal.timeout(1000),
    });
    if (!answer.ok) return null;
    const [first] = (await answer.json()) as { webSocketDebuggerUrl?: string }[];
    return first?.webSocketDebuggerUrl ?? null;
  } catch {
    return null; // Another server of this process.
  }
}

const listening = '0A';

async function findListeningPorts(pid: number): Promise<number[]> {
  const descriptors = await readdir(`/proc/${pid}/fd`);
  const targets = await Promise.all(
    descriptors.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')),
  );
  const own = new Set(targets.map((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1]));
  const [, ...lines] = (await readFile(`/proc/${pid}/net/tcp`, 'utf8')).trim().split('\n');
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === listening && own.has(fields[9]))
    .map((fields) => Number.parseInt(fields[1]?.split(':')[1] ?? '', 16));
}
