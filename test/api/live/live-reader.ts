/** Reads a live stream that an app answers with, as a client would. */
import { SseParser, type SseEvent } from '../../support/http/sse.ts';

export type LiveReader = {
  readonly parser: SseParser;
  readonly events: readonly SseEvent[];
  /** The ids of the events so far. */
  readonly ids: () => number[];
  /** Reads until a condition holds, or the stream ends: then it is false. */
  readonly until: (holds: () => boolean) => Promise<boolean>;
  /** Reads to the end. */
  readonly toEnd: () => Promise<void>;
  readonly leave: () => Promise<void>;
};

export function readLive(body: ReadableStream<Uint8Array> | null): LiveReader {
  if (body === null) throw new Error('There is no stream.');
  const reader = body.getReader();
  const parser = new SseParser();
  const events: SseEvent[] = [];
  const until = async (holds: () => boolean) => {
    while (!holds()) {
      const { done, value } = await reader.read();
      if (done) return false;
      events.push(...parser.push(Buffer.from(value).toString()));
    }
    return true;
  };
  return {
    parser,
    events,
    ids: () => events.filter(({ type }) => type !== 'end').map(({ lastEventId }) => Number(lastEventId)),
    until,
    toEnd: async () => void (await until(() => false)),
    leave: () => reader.cancel(),
  };
}
