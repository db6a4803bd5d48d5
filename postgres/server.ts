/**
 * A Postgres for one machine: PGlite (Postgres in WebAssembly) behind a socket that any Postgres client can use.
 * It is one session that all clients share, so `set`, advisory locks and the names of prepared statements are shared
 * too, and there is only the one database `postgres`.
 */
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { WHOLE_EXCHANGES } from './marker.ts';

export type EmbeddedPostgres = {
  readonly url: string;
  /** Ends every connection and closes the database. */
  readonly close: () => Promise<void>;
};

export type EmbeddedPostgresOptions = {
  /** A folder, or `memory://`. */
  readonly db: string;
  readonly host?: string;
  /** 0 or none: any free port. */
  readonly port?: number;
  readonly maxConnections?: number;
};

/**
 * Starts the server.
 * @throws Error if the port is taken or the folder cannot be used.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { db, host = '127.0.0.1', port = 0, maxConnections = 20 } = options;
  const pglite = await PGlite.create(db);
  // What a client wants of its session when it connects is not heard, so the joins that pages must not be read with
  // (PAGE_PLANS in ../database.ts) are off for all.
  await pglite.exec(`set ${WHOLE_EXCHANGES} = 'on'; set enable_mergejoin = off; set enable_hashjoin = off;`);
  const server = new PGLiteSocketServer({ db: keepExchangesWhole(pglite), host, port, maxConnections });
  await server.start();
  return {
    url: `postgres://postgres:postgres@${server.getServerConn()}/postgres`,
    close: async () => {
      await server.stop();
      await pglite.close();
    },
  };
}

/** Parse, Bind, Describe, Execute, Close and Flush: messages that another of the same exchange follows. */
const CONTINUED = new Set(Buffer.from('PBDECH'));

const SYNC = Uint8Array.from([...Buffer.from('S'), 0, 0, 0, 4]);

/**
 * The socket server takes the messages of all its clients in turns, except within a transaction. A query with
 * parameters is an exchange of several messages, and outside a transaction those of two clients mix: both fail, wait
 * for ever, or get each other's rows (electric-sql/pglite#1046). So until a client's Sync has come, it is told that
 * a transaction is open.
 */
function keepExchangesWhole(pglite: PGlite): PGlite {
  let open = false;
  const overrides: Partial<PGlite> = {
    isInTransaction: () => open || pglite.isInTransaction(),
    async execProtocolRawStream(message, options) {
      try {
        await pglite.execProtocolRawStream(message, options);
      } catch (error) {
        if (!pglite.closed) endProcess(error);
        throw error;
      }
      open = CONTINUED.has(message[0] ?? 0);
    },
    /** The server asks for this, a rollback, when a client has gone. It may have left an exchange unfinished. */
    async exec(query, options) {
      if (open) await pglite.execProtocolRaw(SYNC);
      open = false;
      return pglite.exec(query, options);
    },
  };
  return new Proxy(pglite, {
    get(target, key) {
      const value: unknown = Reflect.get(key in overrides ? overrides : target, key);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** An error of Postgres is an answer; one thrown here is the end of the session, and the server would wait for ever. */
function endProcess(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
