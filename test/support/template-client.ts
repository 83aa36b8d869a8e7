import type { TestApi } from '#test/support/test-api.ts';

export const templatesPath = '/api/v1/schemas/templates';

export interface TemplateAnswer {
  readonly status: number;
  readonly location: string | null;
  readonly body: {
    readonly version?: number;
    readonly template?: string;
    readonly code?: string;
    readonly errors?: readonly { readonly pointer: string; readonly message: string }[];
    readonly items?: readonly { readonly template: string }[];
    readonly next_cursor?: string | null;
  };
}

type FormParts = readonly (readonly [name: string, text: string | null])[];

/** What tests ask of templates, and of uploads that name one. */
export interface TemplateClient {
  /** Text is sent as it is, everything else as JSON. */
  register(body: unknown, token?: string): Promise<TemplateAnswer>;
  read(path: string): Promise<TemplateAnswer>;
  /** A raw body with fields in its query. */
  upload(fields: Readonly<Record<string, string>>, key?: string): Promise<TemplateAnswer>;
  /** A form of these parts in this order; null stands for the content. */
  uploadForm(parts: FormParts): Promise<TemplateAnswer>;
}

export function createTemplateClient(api: TestApi): TemplateClient {
  const read = async (path: string) => answerOf(await api.fetch(path));
  return {
    read,
    async register(body, token) {
      const response = await api.fetch(templatesPath, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: typeof body === 'string' ? body : JSON.stringify(body),
        ...(token !== undefined && { token }),
      });
      return answerOf(response);
    },
    async upload(fields, key) {
      const query = new URLSearchParams({ filename: 'a.txt', ...fields });
      const response = await api.fetch(`/api/v1/files?${query.toString()}`, {
        method: 'POST',
        body: 'content',
        ...(key !== undefined && { headers: { 'Idempotency-Key': key } }),
      });
      return answerOf(response);
    },
    async uploadForm(parts) {
      const form = new FormData();
      for (const [name, text] of parts) {
        if (text === null) form.append(name, new File(['content'], 'a.txt'));
        else form.append(name, text);
      }
      return answerOf(await api.fetch('/api/v1/files', { method: 'POST', body: form }));
    },
  };
}

async function answerOf(response: Response): Promise<TemplateAnswer> {
  return {
    status: response.status,
    location: response.headers.get('location'),
    body: (await response.json()) as TemplateAnswer['body'],
  };
}

/** Pointers of all faults of a problem, sorted. */
export function pointersOf({
  body,
}: {
  readonly body: TemplateAnswer['body'] | Readonly<Record<string, unknown>>;
}): readonly string[] {
  const { errors = [] } = body as TemplateAnswer['body'];
  return errors.map(({ pointer }) => pointer).toSorted();
}

export const contractSchema = {
  type: 'object',
  properties: { number: { type: 'string', pattern: '^\\d+$' }, amount: { type: 'number' } },
  required: ['number'],
  additionalProperties: false,
};
