/** One reading of the log that takes builds along which are about as far. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventReader } from '../../eventlog/read/event-reader.ts';
import { BATCH_MESSAGES_MAX } from '../../eventlog/wire/codec.ts';
import type { ProjectionName } from '../projections/projection.ts';
import type { Build } from '../tables/builds.ts';
import type { ReadModel } from '../tables/database.ts';
import type { Poison } from '../tables/write-rows.ts';
import { createCutover } from './cutover.ts';
import { prefetch } from './prefetch.ts';
import type { RetryWhileUnreachable } from './retry.ts';
import { createStatistics } from './statistics.ts';
import { applyStep, unreadable, type Item, type StepResult } from './step.ts';

/** Builds this far apart are not read for together: the one behind would keep the other waiting. */
const FAR = 10_000;
/** A build that is so near to the one in front goes on with it. */
const NEAR = 1_000;
/**
 * The events of a step while nothing but builds is taken along. What happens to a row within a step is written once, so
 * larger ones cost less; but a live projection shows nothing of a step before all of it is written.
 */
const BUILD_STEP_MAX = 4 * BATCH_MESSAGES_MAX;
/** How long, about, to leave the log to another projector that turned up. */
const YIELD_MS = 200;

export type CatchUpOptions = {
  readonly db: ReadModel;
  readonly log: Pick<EventReader, 'follow'>;
  /** Told each position that a live projection has reached, after it can be read. */
  readonly announce: (projection: ProjectionName, position: number) => void;
  /** Told where a build is that is not live yet. */
  readonly progress: (projection: ProjectionName, position: number) => void;
  /** Told, in one line, what an operator should know. */
  readonly tell: (line: string) => void;
  readonly retryWhileUnreachable: RetryWhileUnreachable;
  /** What is built does not go live before this position. */
  readonly atLeast: number;
  /** Since when queries keep a build from going live, as `performance.now()` counts. */
  readonly busySince: Map<ProjectionName, number>;
  /** Whether a projection stops at what it cannot apply. */
  readonly stops: (projection: ProjectionName) => boolean;
  /** Told of a build that must not go on. */
  readonly stopped: (build: Build, poison: Poison) => Promise<void>;
};

export type CatchUpGroup = {
  readonly builds: readonly Build[];
  /** Whether no other group is further. */
  readonly isFurthest: boolean;
  /** Where the furthest group is: all groups share this. */
  readonly furthest: { position: number };
};

/** Groups of builds, by where they are. */
export function catchUpGroups(builds: readonly Build[]): CatchUpGroup[] {
  const groups: Build[][] = [];
  let edge = 0;
  for (const build of builds.toSorted((a, b) => b.position - a.position)) {
    const group = groups.at(-1);
    if (group && edge - build.position <= FAR) group.push(build);
    else groups.push([build]);
    edge = build.position;
  }
  const furthest = { position: groups[0]?.[0]?.position ?? 0 };
  return groups.map((group, at) => ({ builds: group, isFurthest: at === 0, furthest }));
}

/** Takes the builds along until the signal aborts, or until groups are to be made anew. */
export async function runGroup(
  options: CatchUpOptions,
  { builds, isFurthest, furthest }: CatchUpGroup,
  signal: AbortSignal,
) {
  let now = builds;
  const stop = new AbortController();
  const after = builds.map((build) => afterwards(options, build, () => stop.abort()));
  const settle = async () =>
    (await Promise.all(now.map(async (build, at) => after[at]?.(build)))).includes(true);
  if (await settle()) return;
  const start = Math.min(...builds.map(({ position }) => position));
  const source = options.log.follow<Item>(start, AbortSignal.any([signal, stop.signal]), unreadable);
  for await (const items of prefetch(source, { max: stepMax(now), stop: () => stop.abort() })) {
    const results = await Promise.all(now.map((build) => applyItems(options, build, items)));
    const on = results.flatMap((each) => (each.at === 'position' ? [each.build] : []));
    if (on.length < now.length) return interrupted(options, results, signal);
    now = on;
    if (await settle()) return;
    const positions = now.map(({ position }) => position);
    if (isFurthest) furthest.position = Math.max(...positions);
    else if (furthest.position - Math.min(...positions) <= NEAR) return;
  }
}

function stepMax(builds: readonly Build[]): number {
  return builds.every(({ state }) => state === 'building') ? BUILD_STEP_MAX : BATCH_MESSAGES_MAX;
}

/** What is done whenever a build has got further; true if groups are to be made anew. */
function afterwards(
  options: CatchUpOptions,
  build: Build,
  again: () => void,
): (build: Build) => Promise<boolean> {
  const gatherStatistics = createStatistics(build);
  const cutOver = createCutover({ ...options, again });
  return async (now) => {
    await gatherStatistics(now.position);
    return now.state === 'building' && (await cutOver(now));
  };
}

async function applyItems(
  options: CatchUpOptions,
  build: Build,
  items: readonly Item[],
): Promise<StepResult> {
  const { retryWhileUnreachable, stops, tell, announce, progress } = options;
  const { name } = build.projection;
  const result = await applyStep(build, items, { retryWhileUnreachable, stops: stops(name) });
  if (result.at !== 'position') return result;
  for (const poison of result.parked) tell(`Parked by the projection "${name}": ${describe(poison)}`);
  const { position } = result.build;
  if (position > build.position) (build.state === 'live' ? announce : progress)(name, position);
  return result;
}

/** One line about events that could not be applied. */
export function describe({ position, lastPosition, type, subject, error }: Poison): string {
  const where =
    position === lastPosition ? `position ${position}` : `positions ${position} to ${lastPosition}`;
  return `${where}, ${type} on ${subject}: ${error}`;
}

async function interrupted(options: CatchUpOptions, results: readonly StepResult[], signal: AbortSignal) {
  for (const each of results) if (each.at === 'poison') await options.stopped(each.build, each.poison);
  if (!results.some(({ at }) => at === 'elsewhere')) return;
  options.tell(
    'The read model is further than expected: a second projector, or an answer was lost. Reading its position.',
  );
  await sleep(YIELD_MS * Math.random(), undefined, { signal }).catch(() => {});
}
