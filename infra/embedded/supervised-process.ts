import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { identifyProcess } from './process-identity.ts';
import { stopProcess, type ProcessRecords } from './process-records.ts';
import { readLogEnd } from './process-log.ts';
import { StartupError } from './startup-error.ts';
import { waitFor } from './wait-for.ts';

export interface ProcessDefinition {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly stopSignal: NodeJS.Signals;
  readonly stopGraceMs: number;
  readonly readyTimeoutMs: number;
  /** Asked until it is true; 'message': the process tells it over its IPC channel. */
  readonly isReady: (() => Promise<boolean>) | 'message';
  /** Before every start, also a repeated one. */
  readonly beforeStart?: () => Promise<void>;
  /** A first start that fails is a fault to be told, unless something passing can be in the way. */
  readonly firstStartTries?: number;
}

export interface SupervisionContext {
  readonly records: ProcessRecords;
  readonly logDirectory: string;
  readonly log: (line: string) => void;
  /** A process is up again, under another pid. */
  readonly onRestart: () => void;
  /** All is being stopped: waits for a process to come up end, and nothing is started again. */
  readonly signal: AbortSignal;
}

export interface SupervisedProcess {
  readonly name: string;
  /** Null while it is down. */
  readonly pid: number | null;
  /** Resolves when it is up, under another pid than the one given. */
  whenReady(previousPid?: number): Promise<number>;
  stop(): Promise<void>;
}

const backOffMs = { first: 200, max: 10_000 };
/** A process that ran for so long has recovered: the next restart is quick again. */
const healthyAfterMs = 10_000;

/**
 * Starts a process and keeps it running until `stop`.
 * @throws StartupError when it ends before it was ever ready, with the end of its log.
 */
export async function superviseProcess(
  definition: ProcessDefinition,
  context: SupervisionContext,
): Promise<SupervisedProcess> {
  const supervisor = new Supervisor(definition, context);
  await supervisor.start();
  return supervisor;
}

interface RunningChild {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves with how it ended. */
  readonly ended: Promise<string>;
}

class Supervisor implements SupervisedProcess {
  readonly name: string;
  readonly #definition: ProcessDefinition;
  readonly #context: SupervisionContext;
  readonly #stop = new AbortController();
  readonly #stopping: AbortSignal;
  #running: RunningChild | null = null;
  #readyPid: number | null = null;
  #watch: Promise<void> = Promise.resolve();
  #readyWaiters: (() => void)[] = [];

  constructor(definition: ProcessDefinition, context: SupervisionContext) {
    this.name = definition.name;
    this.#definition = definition;
    this.#context = context;
    this.#stopping = AbortSignal.any([context.signal, this.#stop.signal]);
  }

  get pid(): number | null {
    return this.#readyPid;
  }

  async start(): Promise<void> {
    for (let tries = this.#definition.firstStartTries ?? 1; ; tries -= 1) {
      const running = await this.#launch();
      if (running !== null && (await this.#awaitReady(running))) {
        this.#watch = this.#keepRunning(running);
        return;
      }
      await this.#endChild();
      if (tries <= 1 || this.#stopping.aborted) throw new StartupError(this.#explain());
      await this.#pause(backOffMs.first);
    }
  }

  async whenReady(previousPid?: number): Promise<number> {
    for (;;) {
      const pid = this.#readyPid;
      if (pid !== null && pid !== previousPid) return pid;
      await new Promise<void>((resolve) => {
        this.#readyWaiters.push(resolve);
      });
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#endChild();
    await this.#watch;
  }

  async #keepRunning(first: RunningChild): Promise<void> {
    let running: RunningChild | null = first;
    let waitMs = backOffMs.first;
    for (;;) {
      const startedMs = performance.now();
      const reason = running === null ? 'cannot be started' : await running.ended;
      this.#readyPid = null;
      if (this.#stopping.aborted) return;
      if (performance.now() - startedMs > healthyAfterMs) waitMs = backOffMs.first;
      this.#context.log(`${this.name} ${reason}: starting it again in ${waitMs} ms`);
      await this.#pause(waitMs);
      if (this.#stopping.aborted) return;
      waitMs = Math.min(waitMs * 2, backOffMs.max);
      running = await this.#launch();
      if (running !== null && (await this.#awaitReady(running))) {
        this.#context.log(`${this.name} is up again as process ${this.#readyPid}`);
        this.#context.onRestart();
      } else {
        await this.#endChild();
      }
    }
  }

  async #pause(ms: number): Promise<void> {
    // Cut short when all is stopping.
    await delay(ms, undefined, { signal: this.#stopping }).catch(() => undefined);
  }

  /** @returns null when there is no process. */
  async #launch(): Promise<RunningChild | null> {
    const { command, args, environment, workingDirectory, user } = this.#definition;
    const log = openSync(`${this.#context.logDirectory}/${this.name}.log`, 'a', 0o600);
    try {
      await this.#definition.beforeStart?.();
      const hasChannel = this.#definition.isReady === 'message';
      const child = spawn(command, args, {
        env: environment,
        cwd: workingDirectory,
        // A session of its own: Ctrl-C reaches only the supervisor, which stops all in order.
        detached: true,
        stdio: hasChannel ? ['ignore', log, log, 'ipc'] : ['ignore', log, log],
        ...user,
      });
      const ended = endOf(child);
      if (child.pid === undefined) throw new Error(await ended);
      this.#context.records.write(this.name, child.pid, this.#definition.stopSignal);
      this.#running = { child, pid: child.pid, ended };
      return this.#running;
    } catch (error) {
      this.#context.log(`${this.name} cannot be started: ${String(error)}`);
      return null;
    } finally {
      closeSync(log);
    }
  }

  /** @returns false when the process ends, or is too slow, or all is stopping. */
  async #awaitReady(running: RunningChild): Promise<boolean> {
    const { isReady, readyTimeoutMs } = this.#definition;
    const over = new AbortController();
    void running.ended.then(() => over.abort());
    const signal = AbortSignal.any([
      over.signal,
      this.#stopping,
      AbortSignal.timeout(readyTimeoutMs),
    ]);
    try {
      if (isReady !== 'message') await waitFor(isReady, signal);
      else await readyMessage(running.child, signal);
    } catch {
      return false;
    }
    this.#readyPid = running.pid;
    for (const resolve of this.#readyWaiters.splice(0)) resolve();
    return true;
  }

  async #endChild(): Promise<void> {
    const identity = this.#running === null ? null : identifyProcess(this.#running.pid);
    if (identity !== null) {
      await stopProcess(identity, {
        signal: this.#definition.stopSignal,
        graceMs: this.#definition.stopGraceMs,
      });
    }
    this.#running = null;
    this.#readyPid = null;
    this.#context.records.remove(this.name);
  }

  #explain(): string {
    const path = `${this.#context.logDirectory}/${this.name}.log`;
    return `${this.name} did not come up. The end of ${path}:\n${readLogEnd(path)}`;
  }
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`failed (${error.message})`));
    child.once('exit', (code, signal) =>
      resolve(code === null ? `was ended by ${signal}` : `ended with code ${code}`),
    );
  });
}

function readyMessage(child: ChildProcess, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    child.on('message', (message: unknown) => {
      if ((message as { kind?: unknown } | null)?.kind === 'ready') resolve();
    });
  });
}
