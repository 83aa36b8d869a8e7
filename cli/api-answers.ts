import type { JsonObject, JsonValue } from '#domain/json.ts';
import { isJsonObject } from '#domain/strict-json.ts';
import { damagedError, ProblemError } from './cli-error.ts';
import { clientLimits } from './client-limits.ts';
import { readChunks, type HttpAnswer } from './http-client.ts';
import { parseJson, parseJsonObject } from './lossless-json.ts';

export type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface ApiAnswer {
  readonly status: number;
  readonly headers: HttpAnswer['headers'];
  readonly text: string;
  /** Null when there is no body. */
  readonly json: JsonValue;
}

export function urlOf(baseUrl: string, path: string, query: Query = {}): URL {
  const url = new URL(`${baseUrl}/api/v1${path}`);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null) url.searchParams.append(name, String(value));
  }
  return url;
}

/** @throws ProblemError; CliError for what no ArtStore answers */
export async function requireSuccess(answer: HttpAnswer, signal: AbortSignal): Promise<HttpAnswer> {
  const { status, headers } = answer;
  if (status >= 200 && status < 300) return answer;
  if (status < 400) {
    answer.body.destroy();
    throw damagedError(`The server answers ${status}, which is no answer of this API.`);
  }
  const problem = parseJsonObject(await readText(answer, signal)) ?? {
    title: `The server answered ${status} without saying why`,
    status,
  };
  throw new ProblemError(status, asProblem(problem), { retryAfterMs: retryAfterMs(headers) });
}

/** The token endpoint speaks the form of RFC 6749, section 5.2. */
function asProblem(body: JsonObject): JsonObject {
  const { error, error_description: description } = body;
  if (typeof error !== 'string' || 'title' in body) return body;
  return { title: error, ...(typeof description === 'string' && { detail: description }) };
}

function retryAfterMs(headers: HttpAnswer['headers']): number | null {
  const text = headers['retry-after'];
  if (text === undefined) return null;
  if (/^\d{1,6}$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now());
}

export async function readAnswer(
  answer: HttpAnswer,
  { signal }: { readonly signal: AbortSignal },
): Promise<ApiAnswer> {
  const text = await readText(answer, signal);
  const { status, headers } = answer;
  if (text === '') return { status, headers, text, json: null };
  try {
    return { status, headers, text, json: parseJson(text) };
  } catch (cause) {
    throw damagedError('The answer is not JSON: is this the address of an ArtStore?', cause);
  }
}

async function readText(answer: HttpAnswer, signal: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of readChunks(answer, signal)) {
    sizeBytes += chunk.length;
    if (sizeBytes > clientLimits.answerBytes) throw damagedError('The answer has no end.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** @throws CliError for anything but an object */
export function objectOf(json: JsonValue | undefined): JsonObject {
  if (isJsonObject(json)) return json;
  throw damagedError('The answer does not have the form that this API promises.');
}
