/** The database of the read model: how it is reached, and which errors only mean that it cannot be reached now. */
import postgres from 'postgres';
import type { RowTable } from '../projections/projection.ts';

/** Of one process. Several roles share a server, and many queries are quick. */
const CONNECTIONS_MAX = 5;
const CONNECT_TIMEOUT_S = 5;
const STATEMENT_TIMEOUT_MS = 10_000;
const RECONNECT_MAX_S = 1;

/**
 * Settings for connections that ask for pages. A page is read from an index that has the rows in their order, and
 * whatever else must hold is looked up row by row: that costs as much as the page is long. A merge or a hash join would
 * read on to where the page begins, a bitmap loses the order, and several workers read more than they need. And which index is the best depends on how many rows
 * have the value asked for, so no plan is kept for all values.
 */
export const PAGE_PLANS = {
  plan_cache_mode: 'force_custom_plan',
  enable_mergejoin: 'off',
  enable_hashjoin: 'off',
  enable_bitmapscan: 'off',
  max_parallel_workers_per_gather: '0',
} as const;

type Table = 'schema_version' | 'projections' | 'parked' | RowTable;

export type ReadModel = {
  readonly sql: postgres.Sql;
  readonly schema: string;
  /** The name of a table as it stands in a query. */
  readonly table: (name: Table) => postgres.Helper<string>;
  /** Waits for what is under way, at most 5 s, and closes the connections. */
  readonly end: () => Promise<void>;
};

/** The Postgres schema of a ledger's read model. */
export function schemaOf(ledger: string): string {
  return `ledger_${ledger}`;
}

type Options = {
  /** Of every session. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Called when a connection has ended, for whatever reason. */
  readonly closed?: () => void;
};

/**
 * The read model of a ledger, in a Postgres schema of its own: ledgers can share a database. Connects when it is
 * first asked something, and again whenever it is asked after a connection was lost.
 */
export function connectReadModel(databaseUrl: string, ledger: string, options: Options = {}): ReadModel {
  const schema = schemaOf(ledger);
  const sql = postgres(databaseUrl, {
    max: CONNECTIONS_MAX,
    connect_timeout: CONNECT_TIMEOUT_S,
    backoff: (retries) => Math.min(0.05 * 2 ** retries, RECONNECT_MAX_S) * (0.5 + Math.random() / 2),
    // No array goes over the wire, so the types of arrays need not be asked for on every connection.
    fetch_types: false,
    connection: {
      application_name: 'tallybook',
      statement_timeout: STATEMENT_TIMEOUT_MS,
      ...options.settings,
    },
    ...(options.closed ? { onclose: options.closed } : {}),
    onnotice: () => {},
  });
  return {
    sql,
    schema,
    // Qualified, because `search_path` belongs to the session, and a pool of others may stand between.
    table: (name) => sql(`${schema}.${name}`),
    end: () => sql.end({ timeout: 5 }),
  };
}

/** Codes of the driver, of Node, and of Postgres (a statement that took too long, and two kinds of conflict). */
const UNREACHABLE = new Set(
  (
    'CONNECT_TIMEOUT CONNECTION_CLOSED CONNECTION_DESTROYED ' +
    'ECONNREFUSED ECONNRESET EPIPE ETIMEDOUT EHOSTUNREACH ENETUNREACH ENOTFOUND EAI_AGAIN ' +
    '57014 40001 40P01'
  ).split(' '),
);

/** Connection exceptions, too few resources, and a server that starts or stops. */
const UNREACHABLE_CLASSES = ['08', '53', '57P'];

/** True for an error that may be gone when the same is asked again. */
export function isUnreachable(error: unknown): boolean {
  const code = errorCode(error);
  if (
    error instanceof postgres.PostgresError &&
    UNREACHABLE_CLASSES.some((start) => code.startsWith(start))
  ) {
    return true;
  }
  return UNREACHABLE.has(code);
}

const UNDEFINED_TABLE = '42P01';
const UNDEFINED_SCHEMA = '3F000';

/** True if the tables are not there: no projector has been here yet. */
export function lacksTables(error: unknown): boolean {
  return [UNDEFINED_TABLE, UNDEFINED_SCHEMA].includes(errorCode(error));
}

function errorCode(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code ?? '';
}
