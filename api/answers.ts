import type { Context } from 'koa';

/** The one way to answer JSON: text is made once, so that its length is known. */
export function answerJson(context: Context, status: number, value: unknown): void {
  answerText(context, status, { text: JSON.stringify(value), contentType: 'application/json' });
}

export function answerText(
  context: Context,
  status: number,
  { text, contentType }: { readonly text: string | Buffer; readonly contentType: string },
): void {
  context.status = status;
  context.res.setHeader('Content-Type', contentType);
  context.body = text;
}
