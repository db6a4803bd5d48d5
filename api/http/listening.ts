/** The HTTP server itself: how long it waits for a request, and what it answers to what is none. */
import { createServer, STATUS_CODES, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import type { ProblemCode } from '../../contracts/problems.ts';
import { invalidRequest, problemDocument, ProblemError } from './problem.ts';

type Limits = {
  /** How long a client may take for the headers of a request, and for all of it. */
  readonly headersMs: number;
  readonly requestMs: number;
  /** How often the server looks for those who take longer. */
  readonly checkMs: number;
  /** A connection on which nothing moves for so long is cut: its client reads no more. Live streams beat faster. */
  readonly idleMs: number;
  /** More connections than this are closed at once: what is open costs memory. */
  readonly connections: number;
};

const LIMITS: Limits = {
  headersMs: 20_000,
  requestMs: 40_000,
  checkMs: 5_000,
  idleMs: 60_000,
  connections: 15_000,
};

/** Connections that wait to be accepted. In a crowd the few of Node's default would keep others out for seconds. */
const BACKLOG = 4_096;

type Fetch = Parameters<typeof getRequestListener>[0];

/** Starts to listen. What is no HTTP, or does not come whole, is told so as any other mistake is. */
export function listen(
  fetch: Fetch,
  { host, port }: { host: string; port: number },
  limits: Partial<Limits> = {},
): Promise<Server> {
  const { headersMs, requestMs, checkMs, idleMs, connections } = { ...LIMITS, ...limits };
  const responses = new WeakMap<Duplex, ServerResponse>();
  const handle = getRequestListener(fetch, {
    errorHandler: (error) => badRequest(error instanceof Error ? error.message : String(error)),
  });
  const server = createServer(
    { headersTimeout: headersMs, requestTimeout: requestMs, connectionsCheckingInterval: checkMs },
    (request, response) => {
      responses.set(request.socket, response);
      void handle(request, response);
    },
  );
  server.maxConnections = connections;
  server.setTimeout(idleMs);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const response = responses.get(socket);
    const midway = response?.headersSent === true && !response.writableFinished;
    if (error.code === 'ECONNRESET' || !socket.writable || midway) return void socket.destroy(error);
    socket.end(onTheWire(problemOf(error)));
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const inUse = error.code === 'EADDRINUSE';
      reject(inUse ? new Error(`Port ${port} (HTTP) is taken. Set PORT to another one.`) : error);
    });
    server.listen({ host, port, backlog: BACKLOG }, () => resolve(server));
  });
}

const CODES: Readonly<Record<string, ProblemCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'payload_too_large',
};

/** What Node's parser says of a request. */
function problemOf({ code, message }: NodeJS.ErrnoException): ProblemError {
  const known = CODES[code ?? ''];
  return known
    ? new ProblemError(known)
    : invalidRequest({ path: '', message: `must be HTTP/1.1: ${message}` });
}

/** A request of which no URL can be made. */
function badRequest(message: string): Response {
  const problem = invalidRequest({ path: '', message: `must name a host and a path: ${message}` });
  const headers = { 'Content-Type': 'application/problem+json' };
  return new Response(problemDocument(problem), { status: problem.status, headers });
}

function onTheWire(problem: ProblemError): string {
  const body = problemDocument(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
