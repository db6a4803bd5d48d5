/** Makes a build live as soon as it shows all that the live tables show. */
import { goLive, type Build } from '../tables/builds.ts';
import { readPosition } from '../tables/checkpoint.ts';
import type { ReadModel } from '../tables/database.ts';
import type { Persevere } from './retry.ts';
import { gatherStatistics } from './statistics.ts';

/** Between two tries while queries are in the way. The live tables go on meanwhile. */
const BUSY_WAIT_MS = 500;

type Needs = {
  /** A build does not go live before this position. */
  readonly atLeast: number;
  readonly db: ReadModel;
  readonly persevere: Persevere;
  /** Called a while after queries were in the way, in case that no event comes. */
  readonly again: () => void;
};

/** Called with each new position of the build; true when it is live, or another process has seen to that. */
export function createGoingLive({
  db,
  atLeast,
  persevere,
  again,
}: Needs): (build: Build) => Promise<boolean> {
  let shown: number | undefined;
  let counted = false;
  let notBefore = 0;
  return async (build) => {
    if (build.position < atLeast) return false;
    shown ??= await persevere(() => readPosition(db, build.projection.name));
    if (shown === undefined || build.position < shown || performance.now() < notBefore) return false;
    // So that the first queries are fast.
    if (!counted) await gatherStatistics(build);
    counted = true;
    const result = await persevere(() => goLive(build));
    if (result === 'behind') shown = undefined;
    if (result === 'busy') {
      notBefore = performance.now() + BUSY_WAIT_MS;
      setTimeout(again, BUSY_WAIT_MS).unref();
    }
    return result === 'live' || result === 'gone';
  };
}
