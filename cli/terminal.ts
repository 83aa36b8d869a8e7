import type { JsonObject, JsonValue } from '#domain/json.ts';
import { columnsOf, cutToWidth, padToWidth } from './printable.ts';

/** The streams of the process, as far as this command needs them. */
export interface Streams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

export interface TerminalOptions {
  readonly isJson: boolean;
  readonly isQuiet: boolean;
  readonly hasProgress: boolean;
  readonly hasColours: boolean;
}

export interface Column {
  readonly title: string;
  /** Null: as wide as it is; the last one only. */
  readonly width: number | null;
  readonly align?: 'left' | 'right';
}

export interface Table {
  row(cells: readonly string[]): Promise<void>;
}

/** Data on standard output, everything else on standard error, so that pipes work. */
export interface Terminal {
  readonly isJson: boolean;
  readonly hasProgress: boolean;
  readonly stderr: NodeJS.WriteStream;
  readonly stdout: NodeJS.WriteStream;
  /** A line of data. Waits while the reader is slow. */
  print(line: string): Promise<void>;
  /** Bytes or text, as they are. Waits while the reader is slow. */
  write(data: string | Uint8Array): Promise<void>;
  /** As it is, with a line end when it has none. */
  printText(text: string): Promise<void>;
  /** One line of JSON. */
  printJson(value: JsonValue): Promise<void>;
  /** For people only: neither with `--quiet` nor with `--json`. */
  note(message: string): void;
  /** What went wrong, also with `--quiet`. */
  complain(message: string): void;
  /** The same for programs: a problem of RFC 9457. */
  complainJson(problem: JsonObject): void;
  /** Aligned with titles on a terminal; separated by tabs and bare in a pipe. */
  table(columns: readonly Column[]): Table;
  /** Called before anything is written while a bar stands on the screen. */
  setBeforeWrite(clear: (() => void) | null): void;
}

export function createTerminal(streams: Streams, options: TerminalOptions): Terminal {
  const { stdout, stderr } = streams;
  let beforeWrite: (() => void) | null = null;

  async function write(data: string | Uint8Array): Promise<void> {
    beforeWrite?.();
    if (stdout.write(data)) return;
    // Not `once`: an error of the stream ends the process elsewhere.
    await new Promise<void>((resolve) => {
      stdout.once('drain', resolve);
    });
  }

  function writeNote(text: string): void {
    beforeWrite?.();
    stderr.write(text);
  }

  return {
    isJson: options.isJson,
    hasProgress: options.hasProgress && stderr.isTTY && !options.isJson && !options.isQuiet,
    stderr,
    stdout,
    write,
    print: (line) => write(`${line}\n`),
    printText: (text) => write(text.endsWith('\n') ? text : `${text}\n`),
    printJson: (value) => write(`${JSON.stringify(value)}\n`),
    note(message) {
      if (!options.isQuiet && !options.isJson) writeNote(`${message}\n`);
    },
    complain(message) {
      const isColoured = options.hasColours && stderr.isTTY;
      const mark = isColoured ? '\u001b[31merror:\u001b[0m' : 'error:';
      writeNote(`${mark} ${message}\n`);
    },
    complainJson(problem) {
      stderr.write(`${JSON.stringify(problem)}\n`);
    },
    table: (columns) => (stdout.isTTY ? alignedTable(columns) : bareTable()),
    setBeforeWrite(clear) {
      beforeWrite = clear;
    },
  };

  function alignedTable(columns: readonly Column[]): Table {
    let hasTitles = false;
    const titles = columns.map(({ title }) => title);
    return {
      async row(cells) {
        if (!hasTitles) await write(alignedRow(columns, titles));
        hasTitles = true;
        await write(alignedRow(columns, cells));
      },
    };
  }

  function alignedRow(columns: readonly Column[], cells: readonly string[]): string {
    let used = 0;
    const parts = columns.map(({ width, align = 'left' }, index) => {
      const cell = cells[index] ?? '';
      if (width === null) return cutToWidth(cell, Math.max(10, columnsOf(stdout) - used));
      used += width + 2;
      return padToWidth(cell, width, align);
    });
    return `${parts.join('  ').trimEnd()}\n`;
  }

  function bareTable(): Table {
    return { row: (cells) => write(`${cells.join('\t')}\n`) };
  }
}
