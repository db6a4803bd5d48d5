/** One reading of the log that takes builds along which are about as far. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventReader } from '../../eventlog/read/event-reader.ts';
import { BATCH_MESSAGES_MAX } from '../../eventlog/wire/codec.ts';
import type { ProjectionName } from '../projections/projection.ts';
import type { Build } from '../tables/builds.ts';
import type { ReadModel } from '../tables/database.ts';
import type { Poison } from '../tables/write-rows.ts';
import { createGoingLive } from './cutover.ts';
import { gather } from './prefetch.ts';
import type { Persevere } from './retry.ts';
import { createStatistics } from './statistics.ts';
import { take, unreadable, type Item, type Taken } from './step.ts';

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

export type LaneOptions = {
  readonly db: ReadModel;
  readonly log: Pick<EventReader, 'follow'>;
  /** Told each position that a live projection has reached, after it can be read. */
  readonly announce: (projection: ProjectionName, position: number) => void;
  /** Told where a build is that is not live yet. */
  readonly progress: (projection: ProjectionName, position: number) => void;
  /** Told, in one line, what an operator should know. */
  readonly tell: (line: string) => void;
  readonly persevere: Persevere;
  /** What is built does not go live before this position. */
  readonly atLeast: number;
  /** Whether a projection stops at what it cannot apply. */
  readonly stops: (projection: ProjectionName) => boolean;
  /** Told of a build that must not go on. */
  readonly stopped: (build: Build, poison: Poison) => Promise<void>;
};

export type Lane = {
  readonly builds: readonly Build[];
  /** Whether no other lane is further. */
  readonly leads: boolean;
  /** Where the leading lane is: all lanes share this. */
  readonly front: { position: number };
};

/** Lanes for builds, by where they are. */
export function lanesOf(builds: readonly Build[]): Lane[] {
  const groups: Build[][] = [];
  let edge = 0;
  for (const build of builds.toSorted((a, b) => b.position - a.position)) {
    const group = groups.at(-1);
    if (group && edge - build.position <= FAR) group.push(build);
    else groups.push([build]);
    edge = build.position;
  }
  const front = { position: groups[0]?.[0]?.position ?? 0 };
  return groups.map((group, at) => ({ builds: group, leads: at === 0, front }));
}

/** Takes the builds along until the signal aborts, or until lanes are to be made anew. */
export async function runLane(options: LaneOptions, { builds, leads, front }: Lane, signal: AbortSignal) {
  let now = builds;
  const stop = new AbortController();
  const after = builds.map((build) => afterwards(options, build, () => stop.abort()));
  const settle = async () =>
    (await Promise.all(now.map(async (build, at) => after[at]?.(build)))).includes(true);
  if (await settle()) return;
  const start = Math.min(...builds.map(({ position }) => position));
  const source = options.log.follow<Item>(start, AbortSignal.any([signal, stop.signal]), unreadable);
  for await (const items of gather(source, { max: stepMax(now), stop: () => stop.abort() })) {
    const taken = await Promise.all(now.map((build) => taking(options, build, items)));
    const on = taken.flatMap((each) => (each.at === 'position' ? [each.build] : []));
    if (on.length < now.length) return interrupted(options, taken, signal);
    now = on;
    if (await settle()) return;
    const positions = now.map(({ position }) => position);
    if (leads) front.position = Math.max(...positions);
    else if (front.position - Math.min(...positions) <= NEAR) return;
  }
}

function stepMax(builds: readonly Build[]): number {
  return builds.every(({ state }) => state === 'building') ? BUILD_STEP_MAX : BATCH_MESSAGES_MAX;
}

/** What is done whenever a build has got further; true if lanes are to be made anew. */
function afterwards(
  options: LaneOptions,
  build: Build,
  again: () => void,
): (build: Build) => Promise<boolean> {
  const gatherNowAndThen = createStatistics(build);
  const goLive = createGoingLive({ ...options, again });
  return async (now) => {
    await gatherNowAndThen(now.position);
    return now.state === 'building' && (await goLive(now));
  };
}

async function taking(options: LaneOptions, build: Build, items: readonly Item[]): Promise<Taken> {
  const { persevere, stops, tell, announce, progress } = options;
  const { name } = build.projection;
  const taken = await take(build, items, { persevere, stops: stops(name) });
  if (taken.at !== 'position') return taken;
  for (const poison of taken.parked) tell(`Parked by the projection "${name}": ${describe(poison)}`);
  const { position } = taken.build;
  if (position > build.position) (build.state === 'live' ? announce : progress)(name, position);
  return taken;
}

/** One line about events that could not be applied. */
export function describe({ position, lastPosition, type, subject, error }: Poison): string {
  const where =
    position === lastPosition ? `position ${position}` : `positions ${position} to ${lastPosition}`;
  return `${where}, ${type} on ${subject}: ${error}`;
}

async function interrupted(options: LaneOptions, taken: readonly Taken[], signal: AbortSignal) {
  for (const each of taken) if (each.at === 'poison') await options.stopped(each.build, each.poison);
  if (!taken.some(({ at }) => at === 'elsewhere')) return;
  options.tell(
    'The read model is further than expected: a second projector, or an answer was lost. Reading its position.',
  );
  await sleep(YIELD_MS * Math.random(), undefined, { signal }).catch(() => {});
}
