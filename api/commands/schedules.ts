/** What the routes need of whoever keeps schedules; `api/temporal/schedules.ts` does it with Temporal's own. */
import type { Firing, ScheduleBody, ScheduleResource } from '../../contracts/schedules.ts';
import type { CommandMeta } from '../../messages/commands.ts';
import type { Page, PageRequest, ReadStore } from '../../projector/queries/read-store.ts';

/** A schedule that somebody asks for. */
export type NewSchedule = {
  readonly id: string;
  readonly body: ScheduleBody;
  readonly meta: CommandMeta;
};

/** A firing that the time has brought about. What became of it, the log knows, or else its workflow. */
export type StartedFiring = Omit<Firing, 'status' | 'reason'>;

export type FoundSchedule = {
  readonly schedule: ScheduleResource;
  /** The last ones. */
  readonly started: readonly StartedFiring[];
};

/** Nothing here hangs over 9 s. */
export type Schedules = {
  /** Makes it, or tells that it was made before; undefined if its id stands for something else that was asked for. */
  readonly create: (
    schedule: NewSchedule,
  ) => Promise<{ readonly schedule: ScheduleResource; readonly replayed: boolean } | undefined>;
  readonly find: (id: string) => Promise<FoundSchedule | undefined>;
  /** Newest first. What has just changed may take a moment to show. */
  readonly list: (page: PageRequest) => Promise<Page<ScheduleResource>>;
  /** Stops it from firing; undefined if there is none. */
  readonly pause: (id: string, reason: string | undefined) => Promise<ScheduleResource | undefined>;
  readonly resume: (id: string, reason: string | undefined) => Promise<ScheduleResource | undefined>;
  /** False if there is none. */
  readonly remove: (id: string) => Promise<boolean>;
  /** What the workflow of a firing says of it, where the log does not (yet). */
  readonly outcome: (firing: StartedFiring) => Promise<Pick<Firing, 'status' | 'reason'>>;
};

const FIRINGS_MAX = 10;

/**
 * The last firings, newest first: those that the time has brought about, and those triggered by hand, of which only
 * the log knows.
 */
export async function lastFirings(
  { readStore, schedules }: { readonly readStore: ReadStore; readonly schedules: Schedules },
  { schedule, started }: FoundSchedule,
): Promise<Firing[]> {
  const { data } = await readStore.transfers({ schedule: schedule.id }, { limit: FIRINGS_MAX });
  const due = new Map(started.map((firing) => [firing.transfer, firing]));
  const known: Firing[] = data.map(({ id, status, reason, created_at, workflow_id }) => {
    const firing = due.get(id) ?? { transfer: id, fired_at: created_at, workflow_id };
    due.delete(id);
    return { ...firing, status, ...(reason === undefined ? {} : { reason }) };
  });
  const last: Firing[] = [...known, ...due.values()]
    .toSorted((a, b) => (a.fired_at < b.fired_at ? 1 : -1))
    .slice(0, FIRINGS_MAX);
  return await Promise.all(
    last.map(async (firing) =>
      firing.status === undefined ? { ...firing, ...(await schedules.outcome(firing)) } : firing,
    ),
  );
}
