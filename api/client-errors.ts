import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { incompleteBody, reportFault } from '#api/connections.ts';
import { presentProblem } from '#api/problem-details.ts';
import { DomainError } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';

/** What Node's parser refuses never becomes a request: it is answered on the bare socket. */
export function answerClientErrors(logger: Logger) {
  return (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    if (reportFault(socket, incompleteBody(error))) return;
    const refusal = refusalOf(error);
    const requestId = randomUUID();
    const problem = presentProblem(refusal, requestId);
    const body = JSON.stringify(problem);
    logger.info(
      { request_id: requestId, status: problem.status, code: refusal.code, parser: error.code },
      'request refused by the parser',
    );
    socket.end(
      [
        `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
        'Content-Type: application/problem+json',
        `Content-Length: ${Buffer.byteLength(body)}`,
        `X-Request-Id: ${requestId}`,
        'Cache-Control: no-store',
        'X-Content-Type-Options: nosniff',
        'Connection: close',
        '',
        body,
      ].join('\r\n'),
    );
    const timer = setTimeout(() => socket.destroy(), limits.lingerMs);
    socket.once('close', () => clearTimeout(timer));
  };
}

function refusalOf(cause: NodeJS.ErrnoException): DomainError {
  const { code } = cause;
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new DomainError('HEADERS_TOO_LARGE', 'The request line and headers are too long.', {
      details: { limitBytes: limits.headerBytes },
      cause,
    });
  }
  return code === 'ERR_HTTP_REQUEST_TIMEOUT'
    ? new DomainError('SENDER_TOO_SLOW', 'The headers did not arrive in time.', { cause })
    : new DomainError('REQUEST_MALFORMED', 'This is not well-formed HTTP/1.1.', { cause });
}
