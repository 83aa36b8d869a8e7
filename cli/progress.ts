import { SingleBar, type Options, type Params } from 'cli-progress';
import { columnsOf, cutToWidth, renderDuration, renderSize } from './printable.ts';
import type { Terminal } from './terminal.ts';

export interface ProgressState {
  readonly done: number;
  /** Null while it is not known. */
  readonly total: number | null;
  readonly label: string;
}

export interface Progress extends Disposable {
  update(state: ProgressState): void;
}

const silent: Progress = { update() {}, [Symbol.dispose]() {} };
const framesPerSecond = 8;

/** A bar on the terminal; nothing where there is none. @param unit bytes, or things by their number */
export function openProgress(terminal: Terminal, unit: 'bytes' | 'items'): Progress {
  if (!terminal.hasProgress) return silent;
  const { stderr } = terminal;
  const startedAtMs = performance.now();
  let state: ProgressState = { done: 0, total: null, label: '' };
  let isShown = false;
  /** Done before anybody looked: it says nothing about the pace. */
  let doneBefore: number | null = unit === 'bytes' ? 0 : null;
  const bar = new SingleBar({
    stream: stderr,
    fps: framesPerSecond,
    clearOnComplete: true,
    hideCursor: true,
    // The rate and the time change while the count does not.
    forceRedraw: true,
    barsize: 24,
    // What a signal does is decided in one place, and not here.
    gracefulExit: false,
    format: (options, params) =>
      cutToWidth(
        renderBar({
          options,
          params,
          state,
          pace: { unit, startedAtMs, doneBefore: doneBefore ?? 0 },
        }),
        columnsOf(stderr),
      ),
  });

  /** The bar goes back to where it began: a line printed below it would be written over. */
  function hide(): void {
    if (isShown) bar.stop();
    isShown = false;
  }

  terminal.setBeforeWrite(hide);
  return {
    update(next) {
      state = next;
      doneBefore ??= next.done;
      const total = Math.max(next.total ?? 1, 1);
      const value = next.total === null ? 0 : Math.min(next.done, total);
      if (!isShown) bar.start(total, value);
      isShown = true;
      bar.setTotal(total);
      bar.update(value);
    },
    [Symbol.dispose]() {
      terminal.setBeforeWrite(null);
      hide();
    },
  };
}

interface Pace {
  readonly unit: 'bytes' | 'items';
  readonly startedAtMs: number;
  readonly doneBefore: number;
}

interface Frame {
  readonly options: Options;
  readonly params: Params;
  readonly state: ProgressState;
  readonly pace: Pace;
}

function renderBar({ options, params, state, pace }: Frame): string {
  const size = options.barsize ?? 24;
  const filled = Math.round(Math.min(1, Math.max(0, params.progress)) * size);
  const bar = '█'.repeat(filled) + '░'.repeat(size - filled);
  const elapsedMs = performance.now() - pace.startedAtMs;
  return `${bar}  ${describeProgress(state, { ...pace, elapsedMs })}`;
}

/** Counts, rate and time left in words. */
export function describeProgress(
  { done, total, label }: ProgressState,
  pace: Pick<Pace, 'unit' | 'doneBefore'> & { readonly elapsedMs: number },
): string {
  const { unit, doneBefore, elapsedMs } = pace;
  const show = (count: number): string => (unit === 'bytes' ? renderSize(count) : String(count));
  const perSecond = elapsedMs < 1 ? 0 : ((done - doneBefore) / elapsedMs) * 1000;
  const percent = total === null || total === 0 ? null : Math.floor((done / total) * 100);
  const leftMs = total === null || perSecond <= 0 ? null : ((total - done) / perSecond) * 1000;
  const rate = unit === 'bytes' ? renderSize(Math.round(perSecond)) : perSecond.toFixed(1);
  return [
    total === null ? show(done) : `${show(done)} of ${show(total)}`,
    ...(percent === null ? [] : [`${percent} %`]),
    `${rate}/s`,
    ...(leftMs === null || leftMs < 500 ? [] : [`${renderDuration(leftMs)} left`]),
    ...(label === '' ? [] : [label]),
  ].join(', ');
}
