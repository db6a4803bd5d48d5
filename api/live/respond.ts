/** Answers a request with a live stream. */
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { EventFilter } from '../../eventlog/read/event-reader.ts';
import { EVENT_STREAM } from '../http/admission.ts';
import { invalidRequest, type ApiEnv } from '../http/problem.ts';
import type { Live } from './live.ts';

const HEADERS = {
  'Content-Type': EVENT_STREAM,
  'Cache-Control': 'no-store',
  // nginx would collect what is to arrive at once.
  'X-Accel-Buffering': 'no',
  // It is good for nothing else afterwards, and a server that ends need not wait for it.
  Connection: 'close',
};

/**
 * Opens a stream. What the client has seen last goes before what its URL says: an `EventSource` comes back with the same
 * URL.
 * @throws ProblemError if the client's last id is none that a stream gave.
 */
export async function respondLive(
  c: Context<ApiEnv>,
  live: Pick<Live, 'open'>,
  { after, filter }: { after: number | undefined; filter: EventFilter },
): Promise<Response> {
  const start = lastEventId(c.req.header('last-event-id')) ?? after;
  // Nobody would read a stream that begins with it.
  if (c.req.method === 'HEAD') return c.body(null, 200, HEADERS);
  // Absent where no server is, as in tests.
  const connection = c.env as Partial<HttpBindings> | undefined;
  const cut = () => void connection?.outgoing?.destroy();
  const body = await live.open({ after: start, filter, cut });
  return c.body(body, 200, HEADERS);
}

function lastEventId(header: string | undefined): number | undefined {
  const text = header?.trim() ?? '';
  // A client that has seen no id has an empty one.
  if (text === '') return undefined;
  const position = /^(0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(position)) return position;
  throw invalidRequest({
    path: 'Last-Event-ID',
    message: 'must be the id of an event, which is a position in the log',
  });
}
