import type { LoopOptions, Settings } from './benchmarks.ts';
import type { LoadPlan, RequestPlan } from './load-plan.ts';

const openLoopConnectionsMax = 256;

export interface Loop {
  readonly options: LoopOptions;
  readonly request: RequestPlan;
}

export function loopPlan(
  { warmUpMs, durationMs }: Pick<Settings, 'warmUpMs' | 'durationMs'>,
  origin: string,
  { options, request }: Loop,
): LoadPlan {
  const common = { origin, warmUpMs, durationMs, request };
  return 'connections' in options
    ? { ...common, kind: 'closed-loop', ...options }
    : { ...common, kind: 'open-loop', ...options, connectionsMax: openLoopConnectionsMax };
}
