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
    if (!res.write(chunk)) await drained(res);
    if (res.destroyed) return;
  }
  context.respond = false;
  res.end();
}

/** Ends the connection of a receiver that takes nothing any more. */
function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => res.destroy(), limits.downloadIdleMs);
    const go = () => {
      clearTimeout(timer);
      res.off('drain', go).off('close', go);
      resolve();
    };
    res.on('drain', go).on('close', go);
    if (res.destroyed) go();
  });
}
