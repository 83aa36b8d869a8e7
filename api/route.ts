import type { Context } from 'koa';
import type { Logger } from 'pino';
import type { Static, TObject, TSchema } from 'typebox';
import type { ApiServices } from '#api/services.ts';
import type { Action, Caller, Reach } from '#domain/access/access.ts';
import type { ErrorCode } from '#domain/errors.ts';

export interface Answer {
  readonly description: string;
  /** Media type → schema; without it the answer has no body. */
  readonly content?: Readonly<Record<string, TSchema>>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RequestBody {
  readonly description: string;
  /** Media type (or range) → schema. The steps of the route read the body. */
  readonly content: Readonly<Record<string, TSchema>>;
  readonly maxBytes: number;
}

/** What the steps of a route get to see of one request. */
export interface Call<Params = unknown, Query = unknown, Headers = unknown> {
  readonly services: ApiServices;
  readonly params: Params;
  readonly query: Query;
  readonly headers: Headers;
  /** Null on public routes only. */
  readonly caller: Caller | null;
  readonly reach: Reach;
  readonly requestId: string;
  readonly logger: Logger;
  readonly context: Context;
  /** Aborted when the connection is gone before the answer has ended. */
  readonly signal: AbortSignal;
}

/**
 * A route is data: the router, the validation, the OpenAPI document and the walk over roles in
 * the tests all read this one declaration.
 */
export interface Route<
  Params extends TObject = TObject,
  Query extends TObject = TObject,
  Headers extends TObject = TObject,
> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** In the form of OpenAPI: `/api/v1/files/{file_id}`. GET routes answer HEAD too. */
  readonly path: string;
  readonly name: string;
  readonly summary: string;
  readonly tag: string;
  /** Nothing is open by omission: `public` must be said. */
  readonly policy: 'public' | { readonly action: Action };
  /** Work of this kind is refused while the instance drains. Health is not. */
  readonly isServedWhileDraining?: boolean;
  readonly params?: Params;
  /** What a path whose parameters do not have their shape is answered with. */
  readonly paramsFault?: ErrorCode;
  readonly query?: Query;
  /** Lower-case names. Headers that are not named here are not looked at. */
  readonly headers?: Headers;
  readonly body?: RequestBody;
  readonly answers: Readonly<Record<number, Answer>>;
  readonly errors: readonly ErrorCode[];
  /** `oauth`: errors in the form of RFC 6749, section 5.2. */
  readonly errorForm?: 'oauth';
  /** Run in this order; each may throw. */
  readonly steps: readonly ((
    call: Call<Static<Params>, Static<Query>, Static<Headers>>,
  ) => Promise<void> | void)[];
}

/** Keeps the types of parameters for the steps, and forgets them for the list of routes. */
export function declareRoute<
  Params extends TObject,
  Query extends TObject,
  Headers extends TObject,
>(route: Route<Params, Query, Headers>): Route {
  return route;
}

/** The caller of a route that is not public. */
export function callerOf(call: Call): Caller {
  if (call.caller === null) throw new Error('a step that needs a caller stands in a public route');
  return call.caller;
}
