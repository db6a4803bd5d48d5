/** Makes a build live as soon as it shows all that the live tables show. */
import type { ProjectionName } from '../projections/projection.ts';
import { cutOver, type Build } from '../tables/builds.ts';
import { readPosition } from '../tables/checkpoint.ts';
import type { ReadModel } from '../tables/database.ts';
import type { RetryWhileUnreachable } from './retry.ts';
import { gatherStatistics } from './statistics.ts';

/** Between two tries while queries are in the way. The live tables go on meanwhile. */
const BUSY_WAIT_MS = 500;
/** How long readers may be in the way. */
const READS_MAX_MS = 5_000;

type CutoverOptions = {
  /** A build does not go live before this position. */
  readonly atLeast: number;
  readonly db: ReadModel;
  readonly retryWhileUnreachable: RetryWhileUnreachable;
  /** Called a while after queries were in the way, in case that no event comes. */
  readonly again: () => void;
  /** Since when queries are in the way of a projection, as `performance.now()` counts. */
  readonly busySince: Map<ProjectionName, number>;
};

/** Called with each new position of the build; true when it is live, or another process has seen to that. */
export function createCutover({
  db,
  atLeast,
  retryWhileUnreachable,
  again,
  busySince,
}: CutoverOptions): (build: Build) => Promise<boolean> {
  let livePosition: number | undefined;
  let counted = false;
  let notBefore = 0;
  return async (build) => {
    if (build.position < atLeast) return false;
    livePosition ??= await retryWhileUnreachable(() => readPosition(db, build.projection.name));
    if (livePosition === undefined || build.position < livePosition || performance.now() < notBefore)
      return false;
    // So that the first queries are fast.
    if (!counted) await gatherStatistics(build);
    counted = true;
    const { name } = build.projection;
    const since = busySince.get(name) ?? performance.now();
    const endReads = performance.now() - since > READS_MAX_MS;
    const result = await retryWhileUnreachable(() => cutOver(build, endReads));
    if (result === 'behind') livePosition = undefined;
    if (result !== 'busy') busySince.delete(name);
    if (result === 'busy') {
      busySince.set(name, since);
      notBefore = performance.now() + BUSY_WAIT_MS;
      setTimeout(again, BUSY_WAIT_MS).unref();
    }
    return result === 'live' || result === 'gone';
  };
}
