/** The text of a live stream: Server-Sent Events, as the HTML standard (section 9.2) has them. */
import type { RecordedEvent } from '../../contracts/events.ts';
import { eventFrom } from '../../messages/mapping/resources.ts';

/**
 * Why the server ends a stream: the client reads too slowly, the process ends, or the log cannot be read just now. In
 * each case the client may come back at once.
 */
export type EndReason = 'behind' | 'shutdown' | 'unavailable';

/** How long a client waits before it comes back. */
const RETRY_MS = 1_000;
/** Those whose streams end together come back over this time, not all at once. */
const RETRY_SPREAD_MS = 2_000;

/** An event: its type, the JSON that a page has, and its position as the id that a client resumes from. */
export function eventFrame(event: RecordedEvent): Buffer {
  const { position, type } = event;
  return Buffer.from(`id: ${position}\nevent: ${type}\ndata: ${JSON.stringify(eventFrom(event))}\n\n`);
}

/**
 * What a stream begins with. An id without data is no event, but the client keeps it: one that loses its connection
 * before the first event resumes from where it began, and misses nothing.
 */
export function startFrame(position: number | undefined): Buffer {
  return Buffer.from(`retry: ${RETRY_MS}\n${idLine(position)}\n`);
}

/** A sign of life; with the position, if the stream has passed events that the client did not ask for. */
export function heartbeatFrame(position: number | undefined): Buffer {
  return Buffer.from(`: heartbeat\n${idLine(position)}\n`);
}

/** The last thing in a stream that the server ends: why, and where to go on. */
export function endFrame(reason: EndReason, position: number): Buffer {
  const retry = RETRY_MS + Math.floor(Math.random() * RETRY_SPREAD_MS);
  const data = JSON.stringify({ reason, resume_after: position });
  return Buffer.from(`id: ${position}\nevent: end\nretry: ${retry}\ndata: ${data}\n\n`);
}

function idLine(position: number | undefined): string {
  return position === undefined ? '' : `id: ${position}\n`;
}
