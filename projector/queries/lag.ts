/** How far projections are behind the log, in events and in time. */
import type { ProjectionResource } from '../../contracts/projections.ts';
import type { EventReader } from '../../eventlog/read/event-reader.ts';
import type { ProjectionStatus } from '../tables/checkpoint.ts';

type Log = Pick<EventReader, 'read'>;

/**
 * What projections are, and how far they are behind.
 * @param last the position at which the log ends; undefined if nobody knows
 */
export async function measureLag(
  statuses: readonly ProjectionStatus[],
  { log, last }: { readonly log: Log; readonly last: number | undefined },
): Promise<ProjectionResource[]> {
  const now = Date.now();
  return Promise.all(
    statuses.map(async ({ building, error, ...status }): Promise<ProjectionResource> => {
      const { position } = status;
      const behind = last === undefined ? null : Math.max(0, last - position);
      return {
        ...status,
        status: error === null ? 'live' : 'stopped',
        lag_events: behind,
        lag_seconds: behind === null ? null : behind === 0 ? 0 : await waited(log, position, now),
        ...(error === null ? {} : { error }),
        ...(building ? { rebuild: building } : {}),
      };
    }),
  );
}

/** How long the first event after a position has been there. Clocks differ: no less than nothing. */
async function waited(log: Log, position: number, now: number): Promise<number | null> {
  try {
    const [next] = await log.read(position, 1);
    return next === undefined ? 0 : Math.max(0, now - Date.parse(next.time)) / 1_000;
  } catch {
    // It cannot be read: that is what holds the projection up, and `error` says so.
    return null;
  }
}
