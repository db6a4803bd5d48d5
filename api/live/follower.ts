/** Follows the log for as long as it takes, whatever happens to the connection. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordedEvent } from '../../contracts/events.ts';
import type { EventReader } from '../../eventlog/event-reader.ts';

export type FollowerOptions = {
  readonly log: Pick<EventReader, 'follow' | 'lastPosition'>;
  /** Where to go on. */
  readonly position: () => number;
  /** Takes what comes; nothing more is given until it is done. */
  readonly take: (events: readonly RecordedEvent[]) => Promise<void>;
  /** How soon to try again when it has failed. */
  readonly againMs: number;
  /** How often to see whether the log has what has not come. */
  readonly watchMs: number;
  readonly tell: (line: string) => void;
};

/** Follows until the signal aborts. */
export async function keepFollowing(options: FollowerOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await followOnce(options, signal);
    } catch (error) {
      options.tell(`The log cannot be followed, trying again: ${String(error)}`);
    }
    await sleep(options.againMs, undefined, { signal }).catch(() => {});
  }
}

/**
 * Follows until the signal aborts, or until nothing comes although there is something. When a connection was lost, and
 * again while the client asks what has become of its consumer, it says nothing for half a minute (nats-jetstream 3.4).
 */
async function followOnce(options: FollowerOptions, signal: AbortSignal): Promise<void> {
  const { log, position, take, watchMs } = options;
  const attempt = new AbortController();
  const stop = () => attempt.abort();
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  let taking = false;
  /** How far the log went when it was last asked. */
  let known = 0;
  const look = async () => {
    if (!taking && known > position()) stop();
    else known = await log.lastPosition();
  };
  // A log that does not answer tells nothing.
  const watch = setInterval(() => void look().catch(() => {}), watchMs).unref();
  try {
    for await (const events of log.follow(position(), attempt.signal)) {
      taking = true;
      await take(events);
      taking = false;
    }
  } finally {
    clearInterval(watch);
    signal.removeEventListener('abort', stop);
  }
}
