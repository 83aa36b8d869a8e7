import { Type } from 'typebox';
import {
  parseTokenForm,
  parseTokenJson,
  readTokenRequest,
  type TokenRequest,
} from '#api/auth/client-credentials.ts';
import { answerJson, answerText } from '#api/answers.ts';
import { mediaTypeOf } from '#api/media-type.ts';
import { readWholeBody } from '#api/request-body.ts';
import { declareRoute, type Call } from '#api/route.ts';
import { scopes } from '#domain/access/access.ts';
import { DomainError } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';

export const tokenPath = '/api/v1/auth/token';
const jwksPath = '/.well-known/jwks.json';

const tokenRequestSchema = Type.Object({
  grant_type: Type.Literal('client_credentials'),
  client_id: Type.Optional(Type.String({ description: 'Unless the client uses HTTP Basic.' })),
  client_secret: Type.Optional(Type.String()),
  scope: Type.Optional(
    Type.String({ description: `Separated by spaces, of: ${scopes.join(', ')}.` }),
  ),
});

const tokenSchema = Type.Object({
  access_token: Type.String(),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer({ description: 'Seconds.' }),
  scope: Type.String(),
});

const oauthErrorSchema = Type.Object({
  error: Type.String(),
  error_description: Type.String(),
});

const issueToken = declareRoute({
  method: 'POST',
  path: tokenPath,
  name: 'issueToken',
  summary: 'Exchange the credentials of a service account for an access token',
  tag: 'auth',
  policy: 'public',
  errorForm: 'oauth',
  body: {
    description: 'RFC 6749, section 4.4; as a form or as JSON.',
    maxBytes: limits.formBodyBytes,
    content: {
      'application/x-www-form-urlencoded': tokenRequestSchema,
      'application/json': tokenRequestSchema,
    },
  },
  answers: {
    200: { description: 'A token', content: { 'application/json': tokenSchema } },
    400: {
      description: 'RFC 6749, section 5.2',
      content: { 'application/json': oauthErrorSchema },
    },
    401: { description: 'invalid_client', content: { 'application/json': oauthErrorSchema } },
  },
  errors: ['BODY_TOO_LARGE', 'MEDIA_TYPE_UNSUPPORTED', 'RATE_LIMITED', 'CATALOGUE_UNAVAILABLE'],
  steps: [answerToken],
});

async function answerToken(call: Call): Promise<void> {
  const { context, services } = call;
  context.set('Cache-Control', 'no-store');
  context.set('Pragma', 'no-cache');
  const request = await readRequest(call);
  services.tokenRateLimit.countRequest(
    context.req.socket.remoteAddress ?? 'unknown',
    request.clientId,
  );
  answerJson(context, 200, await services.tokenIssuer.issueForClient(request));
}

async function readRequest({ context }: Call): Promise<TokenRequest> {
  const mediaType = mediaTypeOf(context.req.headers['content-type']);
  const isForm = mediaType === 'application/x-www-form-urlencoded';
  if (!isForm && mediaType !== 'application/json') {
    throw new DomainError('MEDIA_TYPE_UNSUPPORTED', 'Send a form or JSON.');
  }
  const text = (await readWholeBody(context.req, context.res, limits.formBodyBytes)).toString();
  return readTokenRequest(context.req, isForm ? parseTokenForm(text) : parseTokenJson(text));
}

const showKeys = declareRoute({
  method: 'GET',
  path: jwksPath,
  name: 'showSigningKeys',
  summary: 'The public keys that verify access tokens',
  tag: 'auth',
  policy: 'public',
  answers: {
    200: {
      description: 'A JSON Web Key Set (RFC 7517)',
      content: {
        'application/jwk-set+json': Type.Object({
          keys: Type.Array(Type.Record(Type.String(), Type.Unknown())),
        }),
      },
    },
  },
  errors: ['CATALOGUE_UNAVAILABLE'],
  steps: [
    async ({ context, services }) => {
      context.set('Cache-Control', 'public, max-age=300');
      const text = JSON.stringify(await services.tokenKeys.jwks());
      answerText(context, 200, { text, contentType: 'application/jwk-set+json' });
    },
  ],
});

const showMetadata = declareRoute({
  method: 'GET',
  path: '/.well-known/oauth-authorization-server',
  name: 'showAuthorizationServer',
  summary: 'Authorization server metadata (RFC 8414)',
  tag: 'auth',
  policy: 'public',
  answers: {
    200: {
      description: 'The metadata',
      content: { 'application/json': Type.Record(Type.String(), Type.Unknown()) },
    },
  },
  errors: [],
  steps: [
    ({ context, services }) => {
      const { issuer } = services.tokens;
      answerJson(context, 200, {
        issuer,
        token_endpoint: `${issuer}${tokenPath}`,
        jwks_uri: `${issuer}${jwksPath}`,
        grant_types_supported: ['client_credentials'],
        response_types_supported: [],
        scopes_supported: scopes,
        token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
        service_documentation: `${issuer}/docs`,
      });
    },
  ],
});

export const authRoutes = [issueToken, showKeys, showMetadata];
