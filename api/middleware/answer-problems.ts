import type { Context, Middleware } from 'koa';
import { presentOauthError } from '#api/auth/oauth-errors.ts';
import { presentProblem, problemHeaders, statusOf, toDomainError } from '#api/problem-details.ts';
import type { DomainError } from '#domain/errors.ts';

/** Every error ends here: a problem document, or a broken connection when the answer has begun. */
export const answerProblems: Middleware = async (context, next) => {
  try {
    await next();
  } catch (thrown) {
    const error = toDomainError(thrown);
    // A caller who left is no fault of ours; what went wrong because of it neither.
    const isAborted = context.res.destroyed && error.kind === 'internal';
    if (!isAborted) context.state.error = error;
    if (context.headerSent || !context.writable) {
      // The caller must not take half an answer for a whole one.
      context.res.destroy();
      context.respond = false;
      return;
    }
    answerError(context, error);
  }
};

function answerError(context: Context, error: DomainError): void {
  for (const name of [
    'ETag',
    'Last-Modified',
    'Accept-Ranges',
    'Content-Disposition',
    'Location',
  ]) {
    context.remove(name);
  }
  for (const name of ['Repr-Digest', 'Content-Digest', 'Content-Length']) context.remove(name);
  context.respond = true;
  context.status = statusOf(error);
  context.set(problemHeaders(error));
  context.set('Cache-Control', 'no-store');
  if (context.state.errorForm === 'oauth') {
    const { status, headers, body } = presentOauthError(error);
    context.status = status;
    context.set(headers);
    context.body = JSON.stringify(body);
    context.set('Content-Type', 'application/json');
    return;
  }
  context.body = JSON.stringify(presentProblem(error, context.state.requestId));
  context.set('Content-Type', 'application/problem+json');
}
