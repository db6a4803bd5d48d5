/**
 * Connections to one server, with one request at a time on each. Node's own client takes about twice as much of the
 * cores that the servers are measured on.
 */
import { connect, type Socket } from 'node:net';
import { parseResponse, type HttpResponse } from './http-response.ts';

export type HttpRequest = {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

export type HttpPool = {
  /** Sends when a connection is free. Rejects if the connection is lost. */
  readonly send: (request: HttpRequest) => Promise<HttpResponse>;
  readonly close: () => void;
};

type PendingRequest = {
  readonly bytes: string;
  readonly resolve: (response: HttpResponse) => void;
  readonly reject: (error: Error) => void;
};

/** Servers close what was idle for five seconds. */
const IDLE_MAX_MS = 3_000;

/** Opens connections as they are needed, up to `max`; then requests wait in turn. */
export function createHttpPool(url: string, max: number): HttpPool {
  const { hostname, port, host } = new URL(url);
  const idle: { connection: Connection; since: number }[] = [];
  const all = new Set<Connection>();
  const waiting: PendingRequest[] = [];

  function free(connection: Connection): void {
    const next = waiting.shift();
    if (next) connection.carry(next);
    else idle.push({ connection, since: performance.now() });
  }

  function open(): Connection {
    const connection = connectTo(hostname, Number(port), {
      free: () => free(connection),
      closed: () => {
        all.delete(connection);
        const index = idle.findIndex((one) => one.connection === connection);
        if (index >= 0) idle.splice(index, 1);
        const next = waiting.shift();
        if (next) open().carry(next);
      },
    });
    all.add(connection);
    return connection;
  }

  function take(): Connection | undefined {
    for (let one = idle.pop(); one; one = idle.pop()) {
      if (performance.now() - one.since < IDLE_MAX_MS) return one.connection;
      one.connection.close();
    }
    return all.size < max ? open() : undefined;
  }

  return {
    send: ({ method, path, headers = {}, body = '' }) =>
      new Promise((resolve, reject) => {
        const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
        const content =
          method === 'GET'
            ? ''
            : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
        const bytes = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${content}${lines.join('')}\r\n${body}`;
        const pending = { bytes, resolve, reject };
        const connection = take();
        if (connection) connection.carry(pending);
        else waiting.push(pending);
      }),
    close() {
      for (const connection of all) connection.close();
    },
  };
}

type Connection = { readonly carry: (pending: PendingRequest) => void; readonly close: () => void };

function connectTo(
  host: string,
  port: number,
  onResponse: { readonly free: () => void; readonly closed: () => void },
): Connection {
  const socket: Socket = connect({ host, port, noDelay: true });
  let current: PendingRequest | undefined;
  let arrived: Buffer = Buffer.alloc(0);
  let why = new Error('The server closed the connection.');
  socket.on('data', (chunk: Buffer) => {
    arrived = arrived.length === 0 ? chunk : Buffer.concat([arrived, chunk]);
    try {
      const taken = parseResponse(arrived);
      if (!taken) return;
      arrived = arrived.subarray(taken.length);
      const pending = current;
      current = undefined;
      // A server that closes is not asked again.
      if (taken.response.headers.get('connection') === 'close') socket.destroy();
      else onResponse.free();
      pending?.resolve(taken.response);
    } catch (error) {
      socket.destroy(error instanceof Error ? error : undefined);
    }
  });
  socket.on('error', (error) => (why = error));
  socket.on('close', () => {
    current?.reject(why);
    current = undefined;
    onResponse.closed();
  });
  return {
    carry(pending) {
      current = pending;
      socket.write(pending.bytes);
    },
    close: () => socket.destroy(),
  };
}
