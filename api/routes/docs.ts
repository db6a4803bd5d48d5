/** The descriptions of this interface and of the events on NATS, and a page to read and try. They need no network. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import swaggerUiPath from 'swagger-ui-dist/absolute-path.js';
import * as doc from '../http/openapi.ts';
import { ProblemError, type ApiEnv } from '../http/problem.ts';

/** What is served of the package, and nothing else of it. */
const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-16x16.png': 'image/png',
  'favicon-32x32.png': 'image/png',
};

/** The page's own script is a file too, so that its policy needs no exception for inline code. */
const SETUP = 'setup.js';

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Tallybook API</title>
    <link rel="stylesheet" href="docs/swagger-ui.css" />
    <link rel="icon" type="image/png" sizes="32x32" href="docs/favicon-32x32.png" />
    <link rel="icon" type="image/png" sizes="16x16" href="docs/favicon-16x16.png" />
  </head>
  <body>
    <div id="swagger-ui"></div>
    <noscript>This page needs JavaScript. The OpenAPI document: <a href="openapi.json">openapi.json</a>.</noscript>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/${SETUP}"></script>
  </body>
</html>
`;

const SETUP_SCRIPT = `SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
`;

/** Swagger UI sets style attributes; everything else comes from this server. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const CACHING = { 'Cache-Control': 'public, max-age=3600' };

const description = createRoute({
  method: 'get',
  path: '/openapi.json',
  operationId: 'getOpenApi',
  tags: ['Operation'],
  summary: 'Get the OpenAPI document',
  description: 'Describes this HTTP interface as OpenAPI 3.1.',
  responses: { 200: doc.json('The OpenAPI document.', z.object({ openapi: z.string() }).loose()) },
});

const eventsDescription = createRoute({
  method: 'get',
  path: '/asyncapi.json',
  operationId: 'getAsyncApi',
  tags: ['Operation'],
  summary: 'Get the AsyncAPI document',
  description: 'Describes the events that are published on NATS, as AsyncAPI 3.0.',
  responses: { 200: doc.json('The AsyncAPI document.', z.object({ asyncapi: z.string() }).loose()) },
});

const page = createRoute({
  method: 'get',
  path: '/docs',
  operationId: 'getDocs',
  tags: ['Operation'],
  summary: 'Get the documentation page',
  description: 'A page to read the OpenAPI document and to try every operation.',
  responses: { 200: { description: 'The page.', content: { 'text/html': { schema: z.string() } } } },
});

const asset = createRoute({
  method: 'get',
  path: '/docs/{file}',
  operationId: 'getDocsFile',
  tags: ['Operation'],
  summary: 'Get a file of the documentation page',
  description: 'The scripts, styles and icons of the documentation page.',
  request: { params: z.object({ file: z.string() }) },
  responses: {
    200: { description: 'The file.', content: { '*/*': { schema: z.string() } } },
    ...doc.problems('route_not_found'),
  },
});

/** What makes the documents. Each is asked once, when all routes are there. */
type Describe = {
  readonly openApi: () => { openapi: string };
  readonly asyncApi: () => { asyncapi: string };
};

/** The routes of the descriptions and their page. */
export function docsRoutes(describe: Describe) {
  let openApi: { openapi: string } | undefined;
  let asyncApi: { asyncapi: string } | undefined;
  return new OpenAPIHono<ApiEnv>()
    .openapi(description, (c) => {
      openApi ??= describe.openApi();
      return c.json(openApi, 200);
    })
    .openapi(eventsDescription, (c) => {
      asyncApi ??= describe.asyncApi();
      return c.json(asyncApi, 200);
    })
    .openapi(page, (c) => c.html(PAGE, 200, { 'Content-Security-Policy': POLICY }))
    .openapi(asset, async (c) => {
      const { file } = c.req.valid('param');
      if (file === SETUP) {
        return c.body(SETUP_SCRIPT, 200, { 'Content-Type': 'text/javascript; charset=utf-8', ...CACHING });
      }
      const type = Object.hasOwn(ASSETS, file) ? ASSETS[file] : undefined;
      if (type === undefined) throw new ProblemError('route_not_found');
      const content = await readFile(join(swaggerUiPath(), file));
      return c.body(new Uint8Array(content), 200, { 'Content-Type': type, ...CACHING });
    });
}
