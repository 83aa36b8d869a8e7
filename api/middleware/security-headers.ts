import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet from 'helmet';
import type { Middleware } from 'koa';

/**
 * Helmet's headers are the same for every answer, so they are computed once. An API answers data:
 * nothing of it may be framed, scripted or sniffed.
 */
export function setSecurityHeaders(): Middleware {
  const headers = collectHeaders();
  return (context, next) => {
    for (const [name, value] of headers) context.res.setHeader(name, value);
    return next();
  };
}

function collectHeaders(): [string, string][] {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  const apply = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"], sandbox: [] },
    },
    frameguard: { action: 'deny' },
    // Behind plain HTTP the header is ignored; behind TLS it is the proxy's to say.
    strictTransportSecurity: false,
  });
  apply(response.req, response, (error?: unknown) => {
    if (error !== undefined) throw error;
  });
  return Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]);
}
