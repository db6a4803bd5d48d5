/** Clients of the live stream over HTTP: one connection, or what an `EventSource` makes of many. */
import { request, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { SseParser, type SseEvent } from './sse.ts';

export type LiveConnection = {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly parser: SseParser;
  /** What has come so far. */
  readonly events: readonly SseEvent[];
  /** From now on nothing is taken from the connection. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** Goes away without a word. */
  readonly leave: () => void;
  /** When the stream has ended, in whatever way. */
  readonly ended: Promise<void>;
};

/**
 * Opens one stream.
 * @param events where to put what comes, if not in a list of its own
 */
export async function openLive(
  url: string,
  lastEventId = '',
  events: SseEvent[] = [],
): Promise<LiveConnection> {
  const parser = new SseParser(lastEventId);
  const headers = {
    accept: 'text/event-stream',
    ...(lastEventId === '' ? {} : { 'last-event-id': lastEventId }),
  };
  const asked = request(url, { headers, agent: false });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    asked.once('response', resolve).once('error', reject).end();
  });
  // After this the connection may be cut at any time.
  asked.on('error', () => {});
  response.on('error', () => {});
  response.setEncoding('utf8');
  response.on('data', (text: string) => void events.push(...parser.push(text)));
  const ended = new Promise<void>((resolve) => void response.once('close', resolve));
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    parser,
    events,
    pause: () => void response.pause(),
    resume: () => void response.resume(),
    leave: () => void asked.destroy(),
    ended,
  };
}

export type LiveFollower = {
  /** The positions that all its streams have brought, one after the other. */
  readonly ids: () => number[];
  /** The last words that it has heard. */
  readonly ends: () => string[];
  /** How many streams there have been. */
  readonly streams: () => number;
  /** Whether the first stream has begun: from here on nothing may be missed. */
  readonly begun: () => boolean;
  readonly stop: () => void;
};

/** Follows as an `EventSource` does: it comes back with the last id, and does not give up while nobody answers. */
export function followLive(url: string): LiveFollower {
  const events: SseEvent[] = [];
  const stop = new AbortController();
  let streams = 0;
  let first: SseParser | undefined;
  const run = async () => {
    let last = '';
    let retry = 1_000;
    while (!stop.signal.aborted) {
      const stream = await openLive(url, last, events).catch(() => undefined);
      if (stream?.status === 200) {
        streams += 1;
        first ??= stream.parser;
        stop.signal.addEventListener('abort', stream.leave);
        await stream.ended;
        last = stream.parser.lastEventId;
        retry = stream.parser.retry ?? retry;
      }
      await sleep(retry, undefined, { signal: stop.signal }).catch(() => {});
    }
  };
  void run();
  return {
    ids: () => events.filter(({ type }) => type !== 'end').map(({ lastEventId }) => Number(lastEventId)),
    ends: () => events.filter(({ type }) => type === 'end').map(({ data }) => data),
    streams: () => streams,
    begun: () => first?.retry !== undefined,
    stop: () => stop.abort(),
  };
}
