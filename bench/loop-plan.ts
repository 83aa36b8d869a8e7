import type { LoopOptions, Settings, Side } from './benchmarks.ts';
import type { LoadPlan, RequestPlan } from './load-plan.ts';
import type { BareTarget, ProductTarget } from './target.ts';

const openLoopConnectionsMax = 256;

/** A request whose head needs no more lines than those that authorize it. */
export type PlainRequest<Plan = RequestPlan> = Plan extends RequestPlan
  ? Omit<Plan, 'headers'>
  : never;

export function loopPlan(
  { warmUpMs, durationMs }: Pick<Settings, 'warmUpMs' | 'durationMs'>,
  origin: string,
  { options, request }: { readonly options: LoopOptions; readonly request: RequestPlan },
): LoadPlan {
  const common = { origin, warmUpMs, durationMs, request };
  return 'connections' in options
    ? { ...common, kind: 'closed-loop', ...options }
    : { ...common, kind: 'open-loop', ...options, connectionsMax: openLoopConnectionsMax };
}

/** Sends the same to a target in every turn, with a fresh token. */
export function loopSide(
  settings: Settings,
  target: BareTarget | ProductTarget,
  { options, request }: { readonly options: LoopOptions; readonly request: PlainRequest },
): Side {
  return {
    name: target.name,
    target,
    plan: async () => {
      const headers = await target.authorize();
      return loopPlan(settings, target.origin, { options, request: { ...request, headers } });
    },
  };
}
