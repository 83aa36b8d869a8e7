import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { limits } from '#domain/limits.ts';

const wellFormed = new RegExp(`^[A-Za-z0-9._:@/+=-]{1,${limits.requestIdChars}}$`);

/** The caller's own id when it is well formed, so that logs of both sides can be joined. */
export function takeRequestId(headers: IncomingHttpHeaders): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && wellFormed.test(given) ? given : randomUUID();
}
