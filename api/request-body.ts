import type { IncomingMessage, ServerResponse } from 'node:http';
import { faultOf, incompleteBody, onFault } from '#api/connections.ts';
import { DomainError } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';

const awaitingContinue = new WeakSet<ServerResponse>();

/** The sender waits for `100 Continue`; it gets it when the first byte of the body is wanted. */
export function expectContinue(res: ServerResponse): void {
  awaitingContinue.add(res);
}

function sayContinue(res: ServerResponse): void {
  if (awaitingContinue.delete(res)) res.writeContinue();
}

/**
 * The body of a request, chunk by chunk, with the sender's pace watched. Our own pace is not: time
 * counts only while nothing is there to be read.
 * @throws BODY_INCOMPLETE when it is cut, SENDER_TOO_SLOW when the sender stalls.
 */
export async function* readBody(
  req: IncomingMessage,
  res: ServerResponse,
  idle: { readonly timeoutMs: number; readonly minBytes: number } = {
    timeoutMs: limits.uploadIdleMs,
    minBytes: limits.uploadIdleBytes,
  },
): AsyncGenerator<Buffer, void, void> {
  const watch = watchBody(req, res, idle);
  try {
    sayContinue(res);
    for (;;) {
      const fault = watch.fault() ?? faultOf(req);
      if (fault !== null) throw fault;
      const chunk = req.read() as Buffer | null;
      if (chunk !== null) {
        watch.received(chunk.length);
        yield chunk;
      } else if (req.readableEnded) {
        return;
      } else {
        await watch.change();
      }
    }
  } finally {
    watch.stop();
  }
}

function watchBody(
  req: IncomingMessage,
  res: ServerResponse,
  idle: { timeoutMs: number; minBytes: number },
) {
  let wake: (() => void) | null = null;
  let fault: DomainError | null = null;
  let receivedBytes = 0;
  const notify = () => {
    const waiting = wake;
    wake = null;
    waiting?.();
  };
  const onError = (cause: unknown) => {
    fault ??= incompleteBody(cause);
    notify();
  };
  const onClose = () => {
    if (!req.complete) fault ??= incompleteBody();
    notify();
  };
  const stopListening = onFault(req, notify);
  req.on('readable', notify).on('end', notify).on('error', onError).on('close', onClose);
  const timer = setTimeout(() => {
    if (wake === null) {
      timer.refresh();
      return;
    }
    fault ??= new DomainError(
      'SENDER_TOO_SLOW',
      `Fewer than ${idle.minBytes} bytes arrived within ${idle.timeoutMs} ms.`,
    );
    notify();
  }, idle.timeoutMs);
  return {
    fault: () => fault,
    received(bytes: number): void {
      receivedBytes += bytes;
    },
    async change(): Promise<void> {
      if (receivedBytes >= idle.minBytes) {
        receivedBytes = 0;
        timer.refresh();
      }
      // A connection that closed before anybody listened says nothing any more.
      if (req.destroyed && !req.readableEnded) onClose();
      if (fault !== null || req.readableEnded) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    },
    stop(): void {
      clearTimeout(timer);
      stopListening();
      req.off('readable', notify).off('end', notify).off('error', onError).off('close', onClose);
      // From here on nobody listens for faults of this stream; they are not ours any more.
      req.on('error', () => {});
      // The answer went out before the end of the body: the rest is only to be got rid of.
      if (res.writableEnded) req.resume();
    },
  };
}

/** Reads a small body whole. @throws BODY_TOO_LARGE as soon as it is longer than `maxBytes`. */
export async function readWholeBody(
  req: IncomingMessage,
  res: ServerResponse,
  maxBytes: number,
): Promise<Buffer> {
  requireDeclaredLength(req, maxBytes);
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of readBody(req, res)) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) throw bodyTooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, sizeBytes);
}

/** Null for a body of unknown length (chunked). */
export function declaredLength(req: IncomingMessage): number | null {
  const text = req.headers['content-length'];
  if (text === undefined) return req.headers['transfer-encoding'] === undefined ? 0 : null;
  return Number(text);
}

/** Refuses before the first byte is read what would be refused at its end. */
export function requireDeclaredLength(req: IncomingMessage, maxBytes: number): void {
  const length = declaredLength(req);
  if (length !== null && length > maxBytes) throw bodyTooLarge(maxBytes, length);
}

export function bodyTooLarge(limitBytes: number, sizeBytes?: number): DomainError {
  return new DomainError('BODY_TOO_LARGE', `The body may have at most ${limitBytes} bytes.`, {
    details: { limitBytes, ...(sizeBytes !== undefined && { sizeBytes }) },
  });
}
