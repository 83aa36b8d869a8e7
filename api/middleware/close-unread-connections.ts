import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Middleware } from 'koa';
import { lingerAfterAnswer, mustClose } from '#api/connections.ts';

/** An answer before the end of the body is the last one on its connection. */
export const closeUnreadConnections: Middleware = async (context, next) => {
  await next();
  if (context.headerSent || !mustClose(context.req)) return;
  // A small body came in one packet with the head, and Node has not looked at it yet.
  await nextTurn();
  if (!mustClose(context.req)) return;
  context.set('Connection', 'close');
  lingerAfterAnswer(context.req);
};
