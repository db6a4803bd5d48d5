/** Follows the log for as long as it takes, whatever goes wrong. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordedEvent } from '../../contracts/events.ts';
import type { EventReader } from '../../eventlog/read/event-reader.ts';

export type FollowerOptions = {
  readonly log: Pick<EventReader, 'follow'>;
  /** Where to go on. */
  readonly position: () => number;
  /** Takes what comes; nothing more is given until it is done. */
  readonly take: (events: readonly RecordedEvent[]) => Promise<void>;
  /** How soon to try again when it has failed. */
  readonly againMs: number;
  readonly tell: (line: string) => void;
};

/** Follows until the signal aborts. */
export async function keepFollowing(options: FollowerOptions, signal: AbortSignal): Promise<void> {
  const { log, position, take, againMs, tell } = options;
  while (!signal.aborted) {
    try {
      for await (const events of log.follow(position(), signal)) await take(events);
    } catch (error) {
      tell(`The log cannot be followed, trying again: ${String(error)}`);
    }
    await sleep(againMs, undefined, { signal }).catch(() => {});
  }
}
