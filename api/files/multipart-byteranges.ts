import { randomBytes } from 'node:crypto';
import { presentRange, type ByteRange } from '#api/files/byte-ranges.ts';

interface RangedContent {
  readonly contentType: string;
  readonly sizeBytes: number;
}

type OpenRange = (range: ByteRange) => Promise<AsyncIterable<Uint8Array> & AsyncDisposable>;

/** Several ranges in one answer: RFC 9110, section 14.6. Its length is known before it is written. */
export function byteRangesForm(ranges: readonly ByteRange[], content: RangedContent) {
  const boundary = randomBytes(24).toString('base64url');
  const heads = ranges.map((range) =>
    Buffer.from(
      `\r\n--${boundary}\r\nContent-Type: ${content.contentType}\r\n` +
        `Content-Range: ${presentRange(range, content.sizeBytes)}\r\n\r\n`,
    ),
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const bodyBytes = ranges.reduce((sum, { start, end }) => sum + end - start + 1, 0);
  const headBytes = heads.reduce((sum, head) => sum + head.length, 0);
  return {
    contentType: `multipart/byteranges; boundary=${boundary}`,
    sizeBytes: headBytes + bodyBytes + tail.length,
    async *write(open: OpenRange): AsyncGenerator<Uint8Array> {
      for (const [index, range] of ranges.entries()) {
        await using part = await open(range);
        // Opened first: what is not there is found before the head promises it.
        yield heads[index] ?? Buffer.alloc(0);
        yield* part;
      }
      yield tail;
    },
  };
}
