import { fork } from 'node:child_process';
import { once } from 'node:events';

import type { LoadPlan, LoadReport } from './load-plan.ts';

type Reply = { readonly report: LoadReport } | { readonly error: string };

export interface LoadProcess extends AsyncDisposable {
  readonly pid: number;
  /** One plan at a time. */
  run<Kind extends LoadReport['kind']>(
    plan: LoadPlan,
    kind: Kind,
  ): Promise<Extract<LoadReport, { kind: Kind }>>;
}

/** Starts the generator of load. It ends with this process, however that ends. */
export function openLoadProcess(signal: AbortSignal): LoadProcess {
  const child = fork(new URL('load.ts', import.meta.url), { stdio: 'inherit' });
  const exited = once(child, 'exit');
  return {
    pid: child.pid ?? 0,
    async run(plan, kind) {
      signal.throwIfAborted();
      child.send(plan);
      const [reply] = (await Promise.race([
        once(child, 'message', { signal }),
        exited.then(() => [{ error: 'the generator of load ended' }]),
      ])) as [Reply];
      if ('error' in reply) throw new Error(reply.error);
      if (reply.report.kind !== kind) throw new Error(`the report is of kind ${reply.report.kind}`);
      return reply.report as Extract<LoadReport, { kind: typeof kind }>;
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
