/** The HTTP interface. `createApp` is handed what it needs; `api/main.ts` connects and listens. */
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { requestId } from 'hono/request-id';
import { secureHeaders } from 'hono/secure-headers';
import { asyncApi } from '../contracts/asyncapi.ts';
import type { ApiDependencies } from './dependencies.ts';
import { admission } from './http/admission.ts';
import { respondWithError, respondWithProblem, ProblemError, type ApiEnv } from './http/problem.ts';
import { measuring } from './http/request-metrics.ts';
import { requireValid } from './http/validation.ts';
import { accountCommandRoutes } from './routes/accounts/account-commands.ts';
import { accountUpdateRoutes } from './routes/accounts/account-update.ts';
import { accountRoutes } from './routes/accounts/accounts.ts';
import { statementRoutes } from './routes/accounts/statements.ts';
import { totalRoutes } from './routes/accounts/totals.ts';
import { docsRoutes } from './routes/docs.ts';
import { eventRoutes } from './routes/events.ts';
import { healthRoutes } from './routes/health.ts';
import { projectionRoutes } from './routes/projections.ts';
import { bulkRoutes } from './routes/transfers/bulk-transfers.ts';
import { holdCommandRoutes } from './routes/transfers/hold-commands.ts';
import { holdRoutes } from './routes/transfers/holds.ts';
import { movementRoutes } from './routes/transfers/movements.ts';
import { railRoutes } from './routes/transfers/rails.ts';
import { scheduleRoutes } from './routes/transfers/schedules.ts';
import { transactionRoutes } from './routes/transfers/transactions.ts';
import { transferCommandRoutes } from './routes/transfers/transfer-commands.ts';
import { transferRoutes } from './routes/transfers/transfers.ts';
import { webhookRoutes } from './routes/webhooks.ts';

export type { ApiDependencies } from './dependencies.ts';

const INFO = {
  openapi: '3.1.0',
  info: {
    title: 'Tallybook',
    version: '1',
    description:
      'A durable, event-sourced, double-entry ledger. Amounts are decimal strings of minor units. Errors are problem ' +
      'details (RFC 9457) with a stable `code`. A repeat with the same `Idempotency-Key` has no second effect and gets ' +
      'the recorded result.',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  tags: [
    'Accounts',
    'Moving money',
    'Transfers',
    'Holds',
    'Schedules',
    'Events',
    'Webhooks',
    'Operation',
  ].map((name) => ({ name })),
};

/** For answers that are data: nothing may run in them, and nobody frames them. The docs page sets its own policy. */
const SECURE_HEADERS = {
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  xFrameOptions: 'DENY',
  overwrite: false,
  // Whoever terminates TLS decides on this one.
  strictTransportSecurity: false,
  // Old browsers' own inventions, which cost every answer some bytes.
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
  removePoweredBy: false,
};

/** Builds the app. */
export function createApp(deps: ApiDependencies) {
  const app = new OpenAPIHono<ApiEnv>({ defaultHook: requireValid });
  app.onError(respondWithError);
  app.notFound((c) => respondWithProblem(new ProblemError('route_not_found'), c));
  app.use(measuring(deps.metrics.requested));
  app.use(requestId());
  app.use(secureHeaders(SECURE_HEADERS));
  app.use(admission());
  app.use(methodNotAllowed({ app, onMethodNotAllowed: respondMethodNotAllowed }));

  const describe = () => app.getOpenAPI31Document(INFO);
  return app
    .route('/', accountCommandRoutes(deps))
    .route('/', accountUpdateRoutes(deps))
    .route('/', accountRoutes(deps))
    .route('/', statementRoutes(deps))
    .route('/', totalRoutes(deps))
    .route('/', movementRoutes(deps))
    .route('/', transactionRoutes(deps))
    .route('/', transferCommandRoutes(deps))
    .route('/', railRoutes(deps))
    .route('/', bulkRoutes(deps))
    .route('/', transferRoutes(deps))
    .route('/', holdCommandRoutes(deps))
    .route('/', holdRoutes(deps))
    .route('/', scheduleRoutes(deps))
    .route('/', eventRoutes(deps))
    .route('/', webhookRoutes(deps))
    .route('/', projectionRoutes(deps))
    .route('/', healthRoutes(deps))
    .route('/', docsRoutes({ openApi: describe, asyncApi: () => asyncApi(deps) }));
}

function respondMethodNotAllowed(c: Context<ApiEnv>, methods: string[]): Response {
  return respondWithProblem(
    new ProblemError('method_not_allowed', { headers: { Allow: methods.join(', ') } }),
    c,
  );
}
