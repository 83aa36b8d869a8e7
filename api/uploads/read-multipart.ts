import type { Readable, Writable } from 'node:stream';
import busboy from '@fastify/busboy';
import { parsePartHeaders, type PartHead } from '#api/uploads/part-head.ts';
import { DomainError, isDomainError } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';

export interface Part extends PartHead {
  /** To be read to its end before the next part is asked for. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Of busboy only its tokeniser: it shows every part, also those that busboy passes over in silence. */
type PartStream = Readable & {
  on(event: 'header', listener: (headers: Record<string, string[]>) => void): PartStream;
};
type Tokeniser = Writable & { on(event: 'part', listener: (part: PartStream) => void): Tokeniser };
const { Dicer } = busboy as unknown as {
  Dicer: new (options: {
    readonly boundary: string;
    readonly maxHeaderPairs: number;
    readonly maxHeaderSize: number;
  }) => Tokeniser;
};

/**
 * The parts of a `multipart/form-data` body, one after the other, with the sender held back while
 * a part is being read.
 * @throws MULTIPART_MALFORMED for anything that is not whole and well-formed, and whatever `source` throws.
 */
export async function* readMultipart(
  source: AsyncIterable<Uint8Array>,
  boundary: string,
): AsyncGenerator<Part, void, void> {
  const parser = openParser(boundary);
  const feeding = feed(source, parser);
  try {
    for (;;) {
      const part = await parser.nextPart();
      if (part === null) break;
      yield { ...parsePartHeaders(part.headers), body: readPart(part.body, parser) };
    }
    await feeding;
    parser.requireWhole();
  } finally {
    parser.stop();
  }
}

/** What the tokeniser calls an error of a part is one of the whole body. */
async function* readPart(body: Readable, parser: Parser): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* body as AsyncIterable<Uint8Array>;
  } catch (error) {
    parser.fail(error);
    parser.requireWhole();
  }
}

/** Gives the body to the parser; after its last boundary the rest is read and forgotten. */
async function feed(source: AsyncIterable<Uint8Array>, parser: Parser): Promise<void> {
  try {
    for await (const chunk of source) {
      if (parser.isStopped()) return;
      await parser.write(chunk);
    }
    parser.end();
  } catch (error) {
    parser.fail(error);
  }
}

interface FoundPart {
  readonly headers: Record<string, string[]>;
  readonly body: Readable;
}

type Parser = ReturnType<typeof openParser>;

function openParser(boundary: string) {
  const found: FoundPart[] = [];
  let failure: unknown = null;
  let isHeadOpen = false;
  let isFinished = false;
  let isStopped = false;
  let release: () => void = () => {};
  let changed = Promise.withResolvers<void>();
  const notify = () => {
    changed.resolve();
    changed = Promise.withResolvers();
    release();
  };
  const fail = (error: unknown) => {
    failure ??= isDomainError(error) ? error : malformed(error);
    // A reader that waits for more of its part must hear of it too.
    for (const stream of open) if (!stream.readableEnded) stream.destroy(failure as Error);
    notify();
  };
  const open = new Set<Readable>();
  const tokeniser = new Dicer({
    boundary,
    maxHeaderPairs: limits.multipartHeaderPairs,
    maxHeaderSize: limits.headerBytes,
  });
  tokeniser.on('part', (body) => {
    if (isHeadOpen) fail(new Error('a part without the end of its headers'));
    isHeadOpen = true;
    open.add(body);
    body.on('error', fail).on('close', () => open.delete(body));
    body.on('header', (headers) => {
      isHeadOpen = false;
      found.push({ headers, body });
      notify();
    });
  });
  tokeniser.on('error', fail).on('finish', () => {
    isFinished = true;
    notify();
  });

  return {
    fail,
    isStopped: () => isStopped,
    async nextPart(): Promise<FoundPart | null> {
      for (;;) {
        if (failure !== null) throw failure;
        const part = found.shift();
        if (part !== undefined) return part;
        if (isFinished) return null;
        await changed.promise;
      }
    },
    async write(chunk: Uint8Array): Promise<void> {
      if (isFinished || failure !== null) return;
      await new Promise<void>((resolve) => {
        release = resolve;
        tokeniser.write(chunk, () => resolve());
        if (isFinished || failure !== null || isStopped) resolve();
      });
    },
    end: () => tokeniser.end(),
    requireWhole(): void {
      if (failure !== null) throw failure;
      if (isHeadOpen) throw malformed(new Error('the last part has no end of its headers'));
    },
    stop(): void {
      isStopped = true;
      release();
    },
  };
}

function malformed(cause: unknown): DomainError {
  return new DomainError('MULTIPART_MALFORMED', 'The multipart body is cut or malformed.', {
    cause,
  });
}
