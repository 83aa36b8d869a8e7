import type { JsonValue } from '#domain/json.ts';
import { readAnswer, requireSuccess, urlOf, type ApiAnswer, type Query } from './api-answers.ts';
import type { BodySource, HttpAnswer, HttpClient } from './http-client.ts';
import { repeating, type RetryOptions } from './retries.ts';
import type { TokenSource } from './token-source.ts';

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/api/v1`. */
  readonly path: string;
  readonly query?: Query;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: JsonValue;
  readonly body?: BodySource;
  /** `unless-sent`: not again when the server may have done it; the default. */
  readonly repeat?: 'always' | 'unless-sent';
}

export interface ApiClient {
  /** @throws ProblemError, ConnectionError, CliError */
  call(request: ApiRequest): Promise<ApiAnswer>;
  /** For content: the caller reads the body. Nothing that fails later is repeated here. */
  open(request: ApiRequest): Promise<HttpAnswer>;
}

export interface ApiClientOptions extends RetryOptions {
  readonly http: HttpClient;
  /** Without `/api/v1`. */
  readonly baseUrl: string;
  readonly tokens: TokenSource;
}

export function createApiClient(options: ApiClientOptions): ApiClient {
  return {
    call: (request) =>
      repeating(options, request.repeat === 'always', async () =>
        readAnswer(await send(options, request), options),
      ),
    open: (request) =>
      repeating(options, request.repeat === 'always', () => send(options, request)),
  };
}

/** With a token; one that is no longer taken is renewed once. */
async function send(options: ApiClientOptions, request: ApiRequest): Promise<HttpAnswer> {
  const { tokens } = options;
  const token = await tokens.token();
  const first = await sendWith(options, request, token);
  if (first.status !== 401) return requireSuccess(first, options.signal);
  first.body.destroy();
  const second = await sendWith(options, request, await tokens.renew(token));
  return requireSuccess(second, options.signal);
}

function sendWith(
  { http, baseUrl, signal }: ApiClientOptions,
  request: ApiRequest,
  token: string,
): Promise<HttpAnswer> {
  const { method, path, query, json, body } = request;
  return http.send({
    method,
    url: urlOf(baseUrl, path, query),
    headers: {
      Accept: 'application/json',
      Authorization: `Bearer ${token}`,
      ...(json !== undefined && { 'Content-Type': 'application/json' }),
      ...request.headers,
    },
    body: json === undefined ? (body ?? null) : Buffer.from(JSON.stringify(json)),
    signal,
  });
}
