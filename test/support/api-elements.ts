import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestApi } from '#test/support/test-api.ts';

export const elementsPath = '/api/v1/storage-elements';

export interface ElementJson {
  readonly element_id: string;
  readonly name: string;
  readonly type: string;
  readonly mode: string;
  readonly priority: number;
  readonly capacity_bytes: number;
  readonly used_bytes: number;
  readonly reserved_bytes: number;
  readonly free_bytes: number;
  readonly capacity_state: string;
  readonly status: string;
  readonly location: { readonly path: string };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: ElementJson & {
    readonly code?: string;
    readonly detail?: string;
    readonly operation_id?: string;
    readonly errors?: readonly { readonly pointer: string; readonly message: string }[];
  };
}

/** A directory of the test's own, by the name that has no link in it. */
export async function makePlace(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'artstore-place-')));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

export async function makeDirectory(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  return path;
}

export async function sendJson(
  api: Pick<TestApi, 'fetch'>,
  path: string,
  request: {
    readonly method?: string;
    readonly body?: unknown;
    readonly token?: string;
    readonly headers?: Record<string, string>;
  } = {},
): Promise<Answer> {
  const { method = 'POST', body, token, headers } = request;
  const response = await api.fetch(path, {
    method,
    headers: { 'Content-Type': 'application/json', ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    ...(token !== undefined && { token }),
  });
  const json = (await response.json()) as Answer['json'];
  return { status: response.status, headers: response.headers, json };
}

export function registration(id: string, path: string, change: object = {}): object {
  return {
    element_id: id,
    name: `Element ${id}`,
    type: 'filesystem',
    mode: 'rw',
    location: { path },
    ...change,
  };
}
