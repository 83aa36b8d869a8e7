import { createServer as createHttpServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import Koa from 'koa';
import { answerClientErrors } from '#api/client-errors.ts';
import { trackRequest } from '#api/connections.ts';
import type { ApiDependencies } from '#api/dependencies.ts';
import { answerProblems } from '#api/middleware/answer-problems.ts';
import { closeUnreadConnections } from '#api/middleware/close-unread-connections.ts';
import { identifyRequest } from '#api/middleware/identify-request.ts';
import { logAccess } from '#api/middleware/log-access.ts';
import { requireProperHead } from '#api/middleware/require-proper-head.ts';
import { setSecurityHeaders } from '#api/middleware/security-headers.ts';
import { expectContinue } from '#api/request-body.ts';
import { createRouter } from '#api/router.ts';
import { routes } from '#api/routes.ts';
import { createServices } from '#api/services.ts';
import { limits } from '#domain/limits.ts';

const headersCheckIntervalMs = 2_000;
const drainPollMs = 50;

export interface ApiServer {
  /** Not listening yet. */
  readonly httpServer: Server;
  /** What must be there before the first request: a key to sign tokens with. */
  prepare(): Promise<void>;
  /** Readiness goes false, new work is refused, what runs gets `limits.drainMs`; then all is closed. */
  drain(): Promise<void>;
}

/** The order of this list is the order in which a request meets it. */
export function createServer(dependencies: ApiDependencies): ApiServer {
  let isDraining = false;
  const { logger } = dependencies;
  const app = new Koa();
  const { httpServer, inFlight } = createListener(app);
  const services = createServices(dependencies, {
    isDraining: () => isDraining,
    origin: () => originOf(httpServer),
  });
  app.use(identifyRequest);
  app.use(logAccess(logger));
  app.use(setSecurityHeaders());
  app.use(closeUnreadConnections);
  app.use(answerProblems);
  app.use(requireProperHead);
  for (const middleware of createRouter(routes, services)) app.use(middleware);
  // Whatever gets here is a connection that broke while Koa wrote; the access log has it.
  app.on('error', (error: unknown) => logger.debug({ err: error }, 'connection failed'));

  httpServer.on('clientError', (error: NodeJS.ErrnoException, socket) =>
    answerClientErrors(logger)(error, socket as Socket),
  );
  return {
    httpServer,
    prepare: () => services.tokenKeys.load(),
    async drain() {
      isDraining = true;
      await waitUntilIdle(inFlight, limits.drainMs);
      services.receiving.stop();
      httpServer.close();
      httpServer.closeAllConnections();
    },
  };
}

function createListener(app: Koa) {
  let requests = 0;
  // Made with the first request, when the list of middleware is complete.
  let handle: ReturnType<Koa['callback']> | null = null;
  const httpServer = createHttpServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTimeoutMs,
    // A body may take as long as it keeps coming; its own idle limit watches it.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: headersCheckIntervalMs,
    // Node would answer these itself, without a problem document.
    requireHostHeader: false,
  });
  httpServer.on('request', (req, res) => {
    requests += 1;
    res.once('close', () => {
      requests -= 1;
    });
    trackRequest(req, res);
    handle ??= app.callback();
    void handle(req, res);
  });
  httpServer.on('checkContinue', (req, res) => {
    expectContinue(res);
    httpServer.emit('request', req, res);
  });
  // RFC 9110, section 10.1.1: another expectation may be ignored.
  httpServer.on('checkExpectation', (req, res) => httpServer.emit('request', req, res));
  return { httpServer, inFlight: () => requests };
}

function originOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}

async function waitUntilIdle(inFlight: () => number, timeoutMs: number): Promise<void> {
  const endsAt = Date.now() + timeoutMs;
  while (inFlight() > 0 && Date.now() < endsAt) {
    await new Promise((resolve) => {
      setTimeout(resolve, drainPollMs);
    });
  }
}
