import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Type } from 'typebox';
import { answerJson, answerText } from '#api/answers.ts';
import { presentErrorPage } from '#api/documentation/error-page.ts';
import { createOpenApi } from '#api/documentation/openapi.ts';
import { declareRoute, type Route } from '#api/route.ts';
import { DomainError } from '#domain/errors.ts';

const pageAnswer = {
  200: { description: 'A page', content: { 'text/html': Type.String() } },
};

/** Nothing inline but the styles that the page's own scripts set; pictures in the style sheet are data. */
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
  "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const assets: Readonly<Record<string, { readonly url: string; readonly contentType: string }>> = {
  'swagger-ui.css': {
    url: import.meta.resolve('swagger-ui-dist/swagger-ui.css'),
    contentType: 'text/css; charset=utf-8',
  },
  'swagger-ui-bundle.js': {
    url: import.meta.resolve('swagger-ui-dist/swagger-ui-bundle.js'),
    contentType: 'text/javascript; charset=utf-8',
  },
};

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>ArtStore API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/assets/start.js"></script>
</body>
</html>
`;

const startScript = `window.addEventListener('load', () => {
  SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true });
});
`;

const showPage = declareRoute({
  method: 'GET',
  path: '/docs',
  name: 'showDocumentation',
  summary: 'This API as a page to read',
  tag: 'documentation',
  policy: 'public',
  answers: pageAnswer,
  errors: [],
  steps: [
    ({ context }) => {
      context.set('Content-Security-Policy', pagePolicy);
      answerText(context, 200, { text: page, contentType: 'text/html; charset=utf-8' });
    },
  ],
});

const showErrors = declareRoute({
  method: 'GET',
  path: '/docs/errors',
  name: 'showErrorCodes',
  summary: 'Every error code: what the type of a problem links to',
  tag: 'documentation',
  policy: 'public',
  answers: pageAnswer,
  errors: [],
  steps: [
    ({ context }) => {
      context.set('Content-Security-Policy', pagePolicy);
      answerText(context, 200, {
        text: presentErrorPage(),
        contentType: 'text/html; charset=utf-8',
      });
    },
  ],
});

const loaded = new Map<string, Buffer>();

const showAsset = declareRoute({
  method: 'GET',
  path: '/docs/assets/{name}',
  name: 'showDocumentationAsset',
  summary: 'Scripts and styles of the page',
  tag: 'documentation',
  policy: 'public',
  params: Type.Object({ name: Type.String() }),
  answers: { 200: { description: 'The file', content: { '*/*': Type.String() } } },
  errors: ['ROUTE_NOT_FOUND'],
  steps: [
    async ({ context, params: { name } }) => {
      context.set('Cache-Control', 'public, max-age=3600');
      if (name === 'start.js') {
        const contentType = 'text/javascript; charset=utf-8';
        answerText(context, 200, { text: startScript, contentType });
        return;
      }
      const asset = Object.hasOwn(assets, name) ? assets[name] : undefined;
      if (asset === undefined) throw new DomainError('ROUTE_NOT_FOUND', 'There is no such file.');
      const text = loaded.get(name) ?? (await readFile(fileURLToPath(asset.url)));
      loaded.set(name, text);
      answerText(context, 200, { text, contentType: asset.contentType });
    },
  ],
});

/** The document describes all routes, itself included. */
export function documentationRoutes(others: readonly Route[]): readonly Route[] {
  const showOpenApi = declareRoute({
    method: 'GET',
    path: '/openapi.json',
    name: 'showOpenApi',
    summary: 'This API in OpenAPI 3.1',
    tag: 'documentation',
    policy: 'public',
    answers: {
      200: {
        description: 'The document',
        content: { 'application/json': Type.Record(Type.String(), Type.Unknown()) },
      },
    },
    errors: [],
    steps: [
      ({ context }) => {
        document ??= createOpenApi([...others, ...routes]);
        answerJson(context, 200, document);
      },
    ],
  });
  const routes = [showOpenApi, showPage, showErrors, showAsset];
  let document: unknown;
  return routes;
}
