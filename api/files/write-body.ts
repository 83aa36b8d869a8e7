import type { ServerResponse } from 'node:http';
import type { Context } from 'koa';
import { limits } from '#domain/limits.ts';

/**
 * Writes a body at the pace of the receiver. Errors of the source before its first chunk become
 * an answer, later ones break the connection: both by throwing.
 */
export async function writeBody(
  context: Context,
  content: AsyncIterable<Uint8Array>,
): Promise<void> {
  const { res } = context;
  let hasBegun = false;
  for await (const chunk of content) {
    if (!hasBegun) {
      hasBegun = true;
      // From here on the answer is ours, not Koa's.
      context.respond = false;
    }
    await written(res, chunk);
    if (res.destroyed) return;
  }
  context.respond = false;
  res.end();
}

/**
 * Resolves when the kernel has the chunk, whose memory then may be used again, or the connection
 * is gone. Ends the connection of a receiver that takes nothing any more.
 */
function written(res: ServerResponse, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => res.destroy(), limits.downloadIdleMs);
    const go = () => {
      clearTimeout(timer);
      res.off('close', go);
      resolve();
    };
    res.on('close', go);
    if (res.destroyed) go();
    else res.write(chunk, go);
  });
}
