import type { CpuProfile } from './inspector.ts';

export interface ProfileLine {
  readonly name: string;
  readonly selfMs: number;
  /** Of the time in which the thread was not idle. */
  readonly share: number;
}

export interface ProfileSummary {
  readonly elapsedMs: number;
  readonly busyMs: number;
  readonly functions: readonly ProfileLine[];
  readonly modules: readonly ProfileLine[];
}

/** Self time by function and by module: what the thread did while it was not idle. */
export function summariseProfile(profile: CpuProfile, lines: number): ProfileSummary {
  const selfMs = new Map<number, number>();
  let elapsedMs = 0;
  for (const [index, node] of profile.samples.entries()) {
    const deltaMs = (profile.timeDeltas[index] ?? 0) / 1000;
    elapsedMs += deltaMs;
    selfMs.set(node, (selfMs.get(node) ?? 0) + deltaMs);
  }
  const functions = new Map<string, number>();
  const modules = new Map<string, number>();
  let busyMs = 0;
  for (const { id, callFrame } of profile.nodes) {
    const time = selfMs.get(id) ?? 0;
    if (time === 0 || callFrame.functionName === '(idle)') continue;
    busyMs += time;
    const moduleName = nameModule(callFrame);
    const place = callFrame.url === '' ? '' : `:${callFrame.lineNumber + 1}`;
    add(
      functions,
      `${callFrame.functionName || '(anonymous)'} ${nameFile(callFrame.url)}${place}`,
      time,
    );
    add(modules, moduleName, time);
  }
  return {
    elapsedMs,
    busyMs,
    functions: takeTop(functions, busyMs, lines),
    modules: takeTop(modules, busyMs, lines),
  };
}

function add(totals: Map<string, number>, name: string, value: number): void {
  totals.set(name, (totals.get(name) ?? 0) + value);
}

function takeTop(totals: Map<string, number>, busyMs: number, lines: number): ProfileLine[] {
  return [...totals]
    .map(([name, selfMs]) => ({ name: name.trim(), selfMs, share: selfMs / busyMs }))
    .sort((a, b) => b.selfMs - a.selfMs)
    .slice(0, lines);
}

/** The package, the folder of ours, `node:` and its module, or what V8 calls it. */
function nameModule({ functionName, url }: { functionName: string; url: string }): string {
  const installed = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(url)?.[1];
  if (installed !== undefined) return installed;
  if (url.startsWith('node:')) return url;
  const own = /\/(domain|workflows|activities|api|workers|infra\/[^/]+|config|bench)\//.exec(url);
  if (own?.[1] !== undefined) return own[1];
  return functionName.startsWith('(') ? functionName : url || '(native)';
}

function nameFile(url: string): string {
  const installed = /node_modules\/(?!.*node_modules)(.*)$/.exec(url)?.[1];
  if (installed !== undefined) return installed;
  const own = /\/((?:domain|workflows|activities|api|workers|infra|config|bench)\/.*)$/.exec(url);
  return own?.[1] ?? url;
}

export function formatProfile(title: string, summary: ProfileSummary): string {
  const busy = Math.round((summary.busyMs / Math.max(1, summary.elapsedMs)) * 100);
  const format = (lines: readonly ProfileLine[]): string[] =>
    lines.map(
      ({ name, selfMs, share }) =>
        `${(share * 100).toFixed(1).padStart(6)} % ${selfMs.toFixed(0).padStart(7)} ms  ${name}`,
    );
  return [
    `${title}: ${busy} % of ${Math.round(summary.elapsedMs)} ms busy`,
    ' by module',
    ...format(summary.modules),
    ' by function',
    ...format(summary.functions),
  ].join('\n');
}
