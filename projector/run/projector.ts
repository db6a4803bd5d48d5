/**
 * The loop that keeps the read model: follow the log from where the projections are, and apply what comes. The log is
 * read once for all that are about as far; what is far behind has a reading of its own, and keeps nobody waiting.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { PROJECTIONS } from '../projections/index.ts';
import type { Projection, ProjectionName } from '../projections/projection.ts';
import { beginBuild, buildsOf, type Build } from '../tables/builds.ts';
import { readStatuses, type ProjectionStatus } from '../tables/checkpoint.ts';
import type { ReadModel } from '../tables/database.ts';
import { describe, catchUpGroups, runGroup, type CatchUpOptions } from './catch-up-group.ts';
import { createRetryWhileUnreachable } from './retry.ts';

export type ProjectorOptions = Pick<CatchUpOptions, 'db' | 'log' | 'announce' | 'tell'> &
  Partial<Pick<CatchUpOptions, 'progress' | 'stops'>> & {
    /** Those that ship, if none are given. */
    readonly projections?: readonly Projection[];
  };

const DEFAULTS = { stops: () => false, progress: () => {}, atLeast: 0 };

/** How soon to look again when there is nothing to follow the log for. */
const IDLE_MS = 1_000;

/**
 * Runs until the signal aborts; a statement that is under way then is finished first. Postgres may go away and come
 * back. A projection whose version is not that of its live tables is built anew first, beside them.
 * @throws Error if the log cannot be followed, or the database refuses what it should not
 */
export async function runProjector(options: ProjectorOptions, signal: AbortSignal): Promise<void> {
  const { db, announce, tell, projections = Object.values(PROJECTIONS) } = options;
  const retryWhileUnreachable = createRetryWhileUnreachable(tell, signal);
  if (!(await retryWhileUnreachable(() => beginChanged(options, projections)))) return;
  const busySince = new Map<ProjectionName, number>();
  const halted = new Set<string>();
  const left = new Set<string>();
  while (!signal.aborted) {
    const statuses = await retryWhileUnreachable(() => readStatuses(db));
    if (!statuses) return;
    for (const { name } of statuses.filter(maybeTried)) halted.delete(name);
    const builds = projections
      .flatMap((projection) => ownBuilds(db, projection, statuses))
      .filter(({ projection }) => !halted.has(projection.name));
    for (const line of leftAlone(projections, statuses)) {
      if (!left.has(line)) tell(line);
      left.add(line);
    }
    for (const { state, projection, position } of builds) {
      if (state === 'live') announce(projection.name, position);
    }
    const interrupt = new AbortController();
    const either = AbortSignal.any([signal, interrupt.signal]);
    const waiting = retryRequested(halted, either).finally(() => interrupt.abort());
    await runGroups({ ...DEFAULTS, ...options, retryWhileUnreachable, stopped, busySince }, builds, either);
    interrupt.abort();
    await waiting;
    if (builds.length === 0) await sleep(IDLE_MS, undefined, { signal }).catch(() => {});
  }

  async function stopped(build: Build, poison: Parameters<CatchUpOptions['stopped']>[1]): Promise<void> {
    halted.add(build.projection.name);
    tell(`The projection "${build.projection.name}" has stopped: ${describe(poison)}`);
    await retryWhileUnreachable(() => recordStopped(build, describe(poison)));
  }

  /** Resolves when somebody has asked that one of these be tried again, or the signal aborts. */
  async function retryRequested(names: ReadonlySet<string>, either: AbortSignal): Promise<void> {
    while (!either.aborted) {
      await sleep(IDLE_MS, undefined, { signal: either }).catch(() => {});
      if (names.size === 0 || either.aborted) continue;
      const statuses = await retryWhileUnreachable(() => readStatuses(db));
      if (!statuses || statuses.some((each) => maybeTried(each) && names.has(each.name))) return;
    }
  }
}

/** Builds what is live already anew, beside it: until that has taken its place, or the signal aborts. */
export async function runRebuild(
  options: ProjectorOptions &
    Pick<CatchUpOptions, 'atLeast'> & { readonly projection: Projection; readonly anew: boolean },
  signal: AbortSignal,
): Promise<void> {
  const { db, projection, anew, tell } = options;
  const retryWhileUnreachable = createRetryWhileUnreachable(tell, signal);
  await retryWhileUnreachable(async () => beginBuild(db, projection, anew));
  const busySince = new Map<ProjectionName, number>();
  while (!signal.aborted) {
    const statuses = await retryWhileUnreachable(() => readStatuses(db));
    const status = statuses?.find(({ name }) => name === projection.name);
    const builds = status ? buildsOf(db, projection, status).filter(isBuilding) : [];
    if (builds.length === 0) return;
    const more = { retryWhileUnreachable, stopped: failOnPoison, busySince };
    await runGroups({ ...DEFAULTS, ...options, ...more }, builds, signal);
  }
}

const failOnPoison: CatchUpOptions['stopped'] = (_, poison) => Promise.reject(new Error(describe(poison)));

/** Runs groups until one of them ends, which ends the others. */
async function runGroups(
  options: CatchUpOptions,
  builds: readonly Build[],
  signal: AbortSignal,
): Promise<void> {
  const all = new AbortController();
  const either = AbortSignal.any([signal, all.signal]);
  const ended = await Promise.allSettled(
    catchUpGroups(builds).map(async (group) => runGroup(options, group, either).finally(() => all.abort())),
  );
  for (const each of ended) if (each.status === 'rejected') throw each.reason;
}

/** What another version of the code has made live, and this one is not building in its place. */
function leftAlone(projections: readonly Projection[], statuses: readonly ProjectionStatus[]): string[] {
  return projections.flatMap(({ name, version }) => {
    const live = statuses.find((status) => status.name === name);
    if (!live || live.version === version || live.building?.version === version) return [];
    return [
      `The projection "${name}" is live in version ${live.version}: this projector, of version ${version}, leaves it.`,
    ];
  });
}

/** A build that nobody wants yet is left to whoever has begun it, with `npm run ledger -- rebuild`. */
function ownBuilds(db: ReadModel, projection: Projection, statuses: readonly ProjectionStatus[]): Build[] {
  const status = statuses.find(({ name }) => name === projection.name);
  if (!status) return [];
  const builds = buildsOf(db, projection, status);
  return status.version === projection.version ? builds.filter((build) => !isBuilding(build)) : builds;
}

async function beginChanged(
  { db, tell }: ProjectorOptions,
  projections: readonly Projection[],
): Promise<true> {
  const statuses = await readStatuses(db);
  for (const projection of projections) {
    const { name, version } = projection;
    const live = statuses.find((status) => status.name === name);
    if (!live || live.version === version) continue;
    tell(`The projection "${name}" is at version ${live.version}: building version ${version} beside it.`);
    await beginBuild(db, projection);
  }
  return true;
}

async function recordStopped({ db, projection, state }: Build, error: string): Promise<void> {
  const { sql, table } = db;
  await sql`
    update ${table('projections')} set error = ${error} where name = ${projection.name} and state = ${state}`;
}

function isBuilding({ state }: Build): boolean {
  return state === 'building';
}

/** What has stopped may be tried again when its error is gone. */
function maybeTried({ error }: ProjectionStatus): boolean {
  return error === null;
}

/** Has a projection that has stopped be tried again, by the projectors that run: they look every second. */
export async function retryStopped({ sql, table }: ReadModel, projection: string): Promise<void> {
  await sql`update ${table('projections')} set error = null where name = ${projection}`;
}
