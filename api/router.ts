import { Router, type RouterContext } from '@koa/router';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import type { Middleware } from 'koa';
import { authenticate, authorize } from '#api/auth/authenticate.ts';
import { parseQueryString } from '#api/query-string.ts';
import type { Call, Route } from '#api/route.ts';
import type { ApiServices } from '#api/services.ts';
import { compileTextual, findFaults, requireNoFaults } from '#api/validation.ts';
import { DomainError } from '#domain/errors.ts';

interface Validators {
  readonly params: ValidateFunction | null;
  readonly query: ValidateFunction | null;
  readonly headers: ValidateFunction | null;
}

/** The whole surface as middleware: what no declaration matches is 404 or 405. */
export function createRouter(routes: readonly Route[], services: ApiServices): Middleware[] {
  const router = new Router({ strict: true, sensitive: true });
  for (const route of routes) {
    const validators = compileValidators(route);
    const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1');
    router.register(path, [route.method], (context: RouterContext) =>
      serve({ route, validators, services }, context),
    );
  }
  return [router.routes() as Middleware, refuseUnmatched(router)];
}

function compileValidators(route: Route): Validators {
  return {
    params: route.params === undefined ? null : compileTextual(route.params),
    query: route.query === undefined ? null : compileTextual(route.query),
    headers: route.headers === undefined ? null : compileTextual(route.headers),
  };
}

interface Served {
  readonly route: Route;
  readonly validators: Validators;
  readonly services: ApiServices;
}

/** Authenticate → may → validate → steps: nothing of the body is read before the steps. */
async function serve({ route, validators, services }: Served, context: RouterContext) {
  const { state } = context;
  state.routeName = route.name;
  if (route.errorForm !== undefined) state.errorForm = route.errorForm;
  if (services.isDraining() && route.isServedWhileDraining !== true) {
    throw new DomainError('DRAINING', 'This instance is shutting down; send it again.');
  }
  const isPublic = route.policy === 'public';
  const caller = isPublic ? null : await authenticate(context, services.tokens);
  if (caller !== null) state.actor = caller.clientId;
  const reach =
    caller === null || route.policy === 'public' ? 'none' : authorize(caller, route.policy.action);
  const { params, query, headers } = validate(route, validators, context);
  let controller: AbortController | null = null;
  const call: Call = {
    services,
    params,
    query,
    headers,
    caller,
    reach,
    requestId: state.requestId,
    logger: services.logger,
    context,
    get signal() {
      controller ??= abortOnClose(context);
      return controller.signal;
    },
  };
  for (const step of route.steps) await step(call as Parameters<typeof step>[0]);
}

function validate(route: Route, validators: Validators, context: RouterContext) {
  const { params } = context;
  if (validators.params !== null && findFaults(validators.params, params, 'path').length > 0) {
    throw new DomainError(route.paramsFault ?? 'ROUTE_NOT_FOUND', 'Nothing has this address.');
  }
  const query = parseQueryString(context.querystring);
  const queryFaults =
    validators.query === null
      ? Object.keys(query).map((name) => ({
          pointer: `query/${name}`,
          message: 'is not a query parameter of this route',
        }))
      : findFaults(validators.query, query, 'query');
  const headers = { ...context.req.headers };
  const headerFaults =
    validators.headers === null ? [] : findFaults(validators.headers, headers, 'header');
  requireNoFaults([...queryFaults, ...headerFaults]);
  return { params, query, headers };
}

function abortOnClose({ res }: RouterContext): AbortController {
  const controller = new AbortController();
  if (res.closed) controller.abort();
  res.once('close', () => {
    if (!res.writableFinished) controller.abort();
  });
  return controller;
}

function refuseUnmatched(router: Router): Middleware {
  return ({ path, method }) => {
    const allow = new Set(router.match(path, method).path.flatMap((layer) => layer.methods));
    if (allow.size === 0) throw new DomainError('ROUTE_NOT_FOUND', 'Nothing has this address.');
    throw new DomainError('METHOD_NOT_ALLOWED', `${method} is not possible here.`, {
      details: { allow: [...allow].sort() },
    });
  };
}
