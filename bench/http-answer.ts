export interface Answer {
  readonly status: number;
  readonly bodyBytes: number;
  /** Empty unless it was to be kept. */
  readonly body: string;
}

export interface AnswerOptions {
  readonly keepsBody?: boolean;
  /** Is given the body as it comes. */
  readonly onBody?: (chunk: Uint8Array) => void;
}

const headEnd = Buffer.from('\r\n\r\n');
const lineEnd = Buffer.from('\r\n');

/**
 * Reads one HTTP/1.1 answer from chunks cut anywhere. `Content-Length` and chunked bodies without
 * trailers: what our two servers send.
 */
export function createAnswerReader(
  options: AnswerOptions,
  onEnd: (answer: Answer) => void,
): (chunk: Uint8Array) => void {
  let state: 'head' | 'sized' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'last-end' | 'ended' =
    'head';
  let pending: Buffer = Buffer.alloc(0);
  let status = 0;
  let remaining = 0;
  let bodyBytes = 0;
  const kept: Uint8Array[] = [];

  function takeLine(separator: Buffer): string | null {
    const at = pending.indexOf(separator);
    if (at < 0) return null;
    const line = pending.toString('latin1', 0, at);
    pending = pending.subarray(at + separator.length);
    return line;
  }

  function takeBody(): boolean {
    const part = pending.subarray(0, remaining);
    pending = pending.subarray(part.length);
    remaining -= part.length;
    bodyBytes += part.length;
    if (options.keepsBody === true) kept.push(Buffer.from(part));
    options.onBody?.(part);
    return remaining === 0;
  }

  function readHead(head: string): void {
    status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    remaining = Number(length ?? 0);
    state = /\r\ntransfer-encoding: *chunked/i.test(head) ? 'chunk-size' : 'sized';
  }

  function readChunkSize(line: string): void {
    remaining = Number.parseInt(line, 16);
    if (Number.isNaN(remaining)) throw new Error('a chunk without a size');
    state = remaining === 0 ? 'last-end' : 'chunk-data';
  }

  function end(): void {
    state = 'ended';
    if (pending.length > 0) throw new Error('bytes after the end of the answer');
    onEnd({ status, bodyBytes, body: Buffer.concat(kept).toString('utf8') });
  }

  /** @returns false when more bytes are needed, or none are expected. */
  function step(): boolean {
    switch (state) {
      case 'head': {
        const head = takeLine(headEnd);
        if (head !== null) readHead(head);
        return head !== null;
      }
      case 'sized':
        if (takeBody()) end();
        return false;
      case 'chunk-size': {
        const line = takeLine(lineEnd);
        if (line !== null) readChunkSize(line);
        return line !== null;
      }
      case 'chunk-data':
        if (!takeBody()) return false;
        state = 'chunk-end';
        return true;
      case 'chunk-end':
        if (takeLine(lineEnd) === null) return false;
        state = 'chunk-size';
        return true;
      case 'last-end':
        if (takeLine(lineEnd) !== null) end();
        return false;
      case 'ended':
      default:
        throw new Error('bytes after the end of the answer');
    }
  }

  return (chunk) => {
    pending =
      pending.length === 0
        ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
        : Buffer.concat([pending, chunk]);
    while (step());
  };
}
