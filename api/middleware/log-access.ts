import { finished } from 'node:stream';
import type { Middleware } from 'koa';
import type { Logger } from 'pino';
import { isDomainError } from '#domain/errors.ts';

/**
 * One line per request, when its answer has gone out or its connection is gone. The query stays
 * out of it: names and descriptions may be personal data.
 */
export function logAccess(logger: Logger): Middleware {
  return (context, next) => {
    const startedAt = performance.now();
    const { res, req, state } = context;
    finished(res, (aborted) => {
      const entry = {
        request_id: state.requestId,
        method: req.method,
        path: context.path,
        route: state.routeName,
        status: res.statusCode,
        duration_ms: Math.round((performance.now() - startedAt) * 10) / 10,
        actor: state.actor,
        address: req.socket.remoteAddress,
        ...(aborted && { aborted: true }),
        ...(isDomainError(state.error) && { code: state.error.code }),
      };
      if (isBug(state.error)) logger.error({ ...entry, err: state.error }, 'request failed');
      else logger.info(entry, 'request');
    });
    return next();
  };
}

/** Refusals are the caller's affair and aborted connections nobody's; these are ours. */
function isBug(error: unknown): boolean {
  if (error === undefined) return false;
  return !isDomainError(error) || error.kind === 'internal' || error.kind === 'corrupt';
}
