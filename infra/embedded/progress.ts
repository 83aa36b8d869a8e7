import type { WriteStream } from 'node:tty';

/** One line at a time for a person who waits: what is being done now. */
export interface Progress {
  /** Something lasting: stays on the screen. */
  readonly say: (line: string) => void;
  /** Something passing: the next one takes its place on a terminal; elsewhere only some are shown. */
  readonly show: (line: string) => void;
}

const plainIntervalMs = 10_000;

export function createProgress(output: NodeJS.WriteStream | WriteStream): Progress {
  let isPassing = false;
  let nextPlainMs = 0;

  function clear(): void {
    if (isPassing) output.write('\r\u001B[K');
    isPassing = false;
  }

  return {
    say(line) {
      clear();
      output.write(`${line}\n`);
    },
    show(line) {
      if (output.isTTY) {
        clear();
        output.write(line.slice(0, output.columns - 1));
        isPassing = true;
      } else if (performance.now() >= nextPlainMs) {
        output.write(`${line}\n`);
        nextPlainMs = performance.now() + plainIntervalMs;
      }
    },
  };
}
