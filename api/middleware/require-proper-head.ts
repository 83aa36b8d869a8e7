import type { Middleware } from 'koa';
import { DomainError } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';

/** What Node's parser lets through and HTTP does not. */
export const requireProperHead: Middleware = (context, next) => {
  const { req } = context;
  const url = req.url ?? '';
  if (url.length > limits.urlBytes) {
    throw new DomainError('URI_TOO_LONG', `The target may have ${limits.urlBytes} characters.`, {
      details: { limitBytes: limits.urlBytes, sizeBytes: url.length },
    });
  }
  // RFC 9112, section 3.2: a request of HTTP/1.1 without a Host is answered with 400.
  if (req.httpVersion === '1.1' && req.headers.host === undefined) {
    throw new DomainError('REQUEST_MALFORMED', 'The Host header is missing.');
  }
  return next();
};
