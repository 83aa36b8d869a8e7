import type { Middleware } from 'koa';
import { takeRequestId } from '#api/middleware/request-id.ts';

declare module 'koa' {
  interface DefaultState {
    requestId: string;
    /** Set by authentication, for the log. */
    actor?: string;
    /** Set by the router, for the log and the form of errors. */
    routeName?: string;
    errorForm?: 'oauth';
    /** The error that was answered, for the log. */
    error?: unknown;
  }
}

export const identifyRequest: Middleware = (context, next) => {
  context.state.requestId = takeRequestId(context.req.headers);
  context.set('X-Request-Id', context.state.requestId);
  return next();
};
