/**
 * The environment, read once. Only composition roots (`main.ts` files, `dev/`, `bench/`) import this;
 * everything else is handed what it needs.
 */
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { ownerUrl } from '../postgres/urls.ts';

const PROJECT = join(import.meta.dirname, '..');

const anyPort = z.coerce.number().int().min(1).max(65_535);
const port = (fallback: number) => anyPort.default(fallback);

/** Known to everybody, so good for nothing but the simulator. */
const SIMULATOR_SECRET = 'tallybook-simulator';

const environment = z.object({
  /** HTTP. */
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: port(8080),
  /** Ports of the servers that `npm start` runs on this machine. */
  NATS_PORT: port(4222),
  TEMPORAL_PORT: port(7233),
  TEMPORAL_UI_PORT: port(8233),
  READ_MODEL_PORT: port(5499),
  /** Where the local servers keep their data. */
  DATA_DIR: z.string().min(1).default('.data'),
  /** Outside servers. What is named here is not started by `npm start`. */
  NATS_URL: z.string().superRefine(checkNatsUrl).optional(),
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^[^\s:]+:\d+$/, 'host:port')
    .optional(),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  /** The password of the NATS user `tallybook`, the one that may append. Used if `NATS_URL` names no user. */
  NATS_PASSWORD: z.string().min(1).default('tallybook'),
  TEMPORAL_NAMESPACE: z.string().min(1).default('default'),
  /** The ledger's name: one ledger is one stream, `LEDGER_<name>`. */
  LEDGER: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/)
    .default('main'),
  /** Commands that may wait in the appender; one more is refused as `overloaded`. */
  QUEUE_MAX: z.coerce.number().int().min(1).default(10_000),
  /** Whether commands that come at the same time share a workflow; `off`, for comparison: each has its own. */
  COALESCING: z.enum(['on', 'off']).default('on'),
  /** Where a worker or a projector that runs alone serves its `/metrics`. The API has them at `PORT`. */
  METRICS_PORT: anyPort.optional(),
  /** Projections that stop at an event that they cannot apply; the others park it, and go on. */
  PROJECTIONS_THAT_STOP: z
    .string()
    .transform((text) => text.split(',').map((name) => name.trim()))
    .pipe(z.array(z.enum(['balances', 'transfers', 'totals'])))
    .default([]),
  /** Copies of the log in a NATS cluster: 1 on one machine, 3 in production. Used when the stream is created. */
  STREAM_REPLICAS: z.coerce.number().int().min(1).max(5).default(1),
  /** The payment rails that money can go out through. The simulator if it is not given. */
  RAILS: z.string().transform(parseRails).optional(),
  /** What the rails' callbacks are signed with: `whsec_` and base64, or any text. */
  RAIL_SECRET: z.string().min(16).refine(isKey, 'must be base64 after whsec_').optional(),
  /** Where the simulated rail listens. */
  RAIL_PORT: port(8090),
  /** How long a rail may take to answer. */
  RAIL_TIMEOUT_MS: z.coerce.number().int().min(10).max(60_000).default(10_000),
  /** How soon a rail is asked again; each time half as long again, up to sixty times this. */
  RAIL_POLL_MS: z.coerce.number().int().min(10).max(3_600_000).default(5_000),
  /** How long a rail is asked before an operator is. */
  RAIL_PATIENCE_SECONDS: z.coerce.number().int().min(1).max(31_536_000).default(86_400),
  /** Whether webhooks may be at private and loopback addresses: for tests, and where all clients are trusted. */
  WEBHOOKS_ALLOW_PRIVATE: z.enum(['true', 'false']).default('false'),
});

/** A URL, or those of a cluster's servers, separated by commas. */
function checkNatsUrl(text: string, context: z.RefinementCtx): void {
  for (const url of text.split(',')) {
    const { success } = z.url({ protocol: /^(nats|tls|ws|wss)$/ }).safeParse(url.trim());
    if (!success) context.addIssue(`${JSON.stringify(url)} is not nats://host:port`);
  }
}

/** `name=url`, several of them separated by commas, or `none`. */
function parseRails(text: string, context: z.RefinementCtx): Readonly<Record<string, string>> {
  const rails: Record<string, string> = {};
  if (text.trim() === 'none') return rails;
  for (const rail of text.split(',')) {
    const [, name = '', url = ''] = /^([A-Za-z0-9][A-Za-z0-9_-]{0,63})=(\S+)$/.exec(rail.trim()) ?? [];
    if (Object.hasOwn(rails, name) || !/^https?:/.test(url) || !URL.canParse(url)) {
      context.addIssue(`${JSON.stringify(rail)} is not name=url, with a name of its own and http: or https:`);
    }
    rails[name] = url;
  }
  return rails;
}

/** Every environment variable that Tallybook reads. */
export const ENVIRONMENT_VARIABLES: readonly string[] = Object.keys(environment.shape);

export type Config = Readonly<{
  host: string;
  port: number;
  natsPort: number;
  temporalPort: number;
  temporalUiPort: number;
  readModelPort: number;
  dataDir: string;
  /** Which of the three servers were named by the environment, so must not be started here. */
  outside: Readonly<{ nats: boolean; temporal: boolean; database: boolean }>;
  /** With user and password; of a cluster several, separated by commas. */
  natsUrl: string;
  natsPassword: string;
  temporalAddress: string;
  temporalNamespace: string;
  databaseUrl: string;
  ledger: string;
  streamReplicas: number;
  queueMax: number;
  coalescing: 'on' | 'off';
  /** Absent: no metrics of their own for a worker or a projector that runs alone. */
  metricsPort: number | undefined;
  projectionsThatStop: readonly string[];
  rails: Readonly<{
    /** The rails' URLs, by their names. */
    urls: Readonly<Record<string, string>>;
    secret: string;
    /** The simulator's. */
    port: number;
    timeoutMs: number;
    pollMs: number;
    patienceMs: number;
  }>;
  webhooks: Readonly<{ allowPrivate: boolean }>;
}>;

/**
 * Parses the environment. An empty variable counts as absent. The password of the Postgres that `npm start` runs is
 * read from the data folder, where the first start puts it.
 * @throws Error that names each variable that is wrong, and why.
 */
export function readConfig(env: Record<string, string | undefined> = process.env): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(given);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`The environment is not usable:\n${problems.join('\n')}`);
  }
  const e = parsed.data;
  return {
    host: e.HOST,
    port: e.PORT,
    natsPort: e.NATS_PORT,
    temporalPort: e.TEMPORAL_PORT,
    temporalUiPort: e.TEMPORAL_UI_PORT,
    readModelPort: e.READ_MODEL_PORT,
    dataDir: e.DATA_DIR,
    outside: {
      nats: e.NATS_URL !== undefined,
      temporal: e.TEMPORAL_ADDRESS !== undefined,
      database: e.DATABASE_URL !== undefined,
    },
    natsUrl: asTallybook(e.NATS_URL ?? `nats://127.0.0.1:${e.NATS_PORT}`, e.NATS_PASSWORD),
    natsPassword: e.NATS_PASSWORD,
    temporalAddress: e.TEMPORAL_ADDRESS ?? `127.0.0.1:${e.TEMPORAL_PORT}`,
    temporalNamespace: e.TEMPORAL_NAMESPACE,
    databaseUrl: e.DATABASE_URL ?? ownerUrl(resolve(PROJECT, e.DATA_DIR), e.READ_MODEL_PORT),
    ledger: e.LEDGER,
    streamReplicas: e.STREAM_REPLICAS,
    queueMax: e.QUEUE_MAX,
    coalescing: e.COALESCING,
    metricsPort: e.METRICS_PORT,
    projectionsThatStop: e.PROJECTIONS_THAT_STOP,
    rails: {
      urls: e.RAILS ?? { simulator: `http://127.0.0.1:${e.RAIL_PORT}` },
      secret: railSecret(e),
      port: e.RAIL_PORT,
      timeoutMs: e.RAIL_TIMEOUT_MS,
      pollMs: e.RAIL_POLL_MS,
      patienceMs: e.RAIL_PATIENCE_SECONDS * 1_000,
    },
    webhooks: { allowPrivate: e.WEBHOOKS_ALLOW_PRIVATE === 'true' },
  };
}

/** Standard Webhooks writes a secret as `whsec_` and base64; any other is its own key. */
function isKey(secret: string): boolean {
  return !secret.startsWith('whsec_') || z.base64().safeParse(secret.slice('whsec_'.length)).success;
}

/** A rail that moves real money must not be spoken for by whoever has read this file. */
function railSecret({ RAILS = {}, RAIL_SECRET }: z.infer<typeof environment>): string {
  if (RAIL_SECRET !== undefined) return RAIL_SECRET;
  if (Object.keys(RAILS).length === 0) return SIMULATOR_SECRET;
  throw new Error('The environment is not usable:\n  RAIL_SECRET: must be given where RAILS is');
}

/** URLs that name no user get the one that may append; a server without users does not mind. */
function asTallybook(natsUrl: string, password: string): string {
  const urls = natsUrl.split(',').map((url) => url.trim());
  if (urls.some((url) => new URL(url).username !== '')) return urls.join(',');
  const login = `tallybook:${encodeURIComponent(password)}@`;
  return urls.map((url) => url.replace('://', `://${login}`)).join(',');
}
