/** Schedules in memory, which never fire: one that is made is due each day from tomorrow on. */
import type { Schedules, StartedFiring } from '../../api/schedules.ts';
import { NO_REASON, scheduleFrom, type Kept } from '../../api/schedule-resource.ts';
import type { Firing, ScheduleBody, ScheduleResource } from '../../contracts/schedules.ts';
import { InvalidCursor } from '../../projector/read-store.ts';

type Memory = {
  /** The ids of some that are there already. */
  readonly made?: readonly string[];
  /** What they have started, as Temporal would tell it. */
  readonly started?: readonly StartedFiring[];
  /** What the workflows of those say that the read model does not show. */
  readonly outcomes?: Readonly<Record<string, Pick<Firing, 'status' | 'reason'>>>;
};

type Stored = { kept: Kept; paused: boolean; note: string; deleted: boolean };

const DAY_MS = 86_400_000;

/** What a test makes schedules of. */
export const scheduleBody: ScheduleBody = {
  transfer: { source: 'alice', destination: 'bob', amount: '1050', currency: 'EUR', metadata: {} },
  cron: '0 8 * * *',
  time_zone: 'UTC',
};

const MADE: Stored = {
  kept: { fingerprint: '', created_at: '2026-11-23T08:00:00.000Z', body: scheduleBody },
  paused: false,
  note: '',
  deleted: false,
};

/** Schedules that are there for as long as the test. */
export function memorySchedules({ made = [], started = [], outcomes = {} }: Memory = {}): Schedules {
  const all = new Map(made.map((id) => [id, { ...MADE }]));
  const there = (id: string) => {
    const stored = all.get(id);
    return stored?.deleted === false ? stored : undefined;
  };
  const change = (id: string, changes: Partial<Stored>) => {
    const stored = there(id);
    if (stored) Object.assign(stored, changes);
    return Promise.resolve(stored && resource(id, stored));
  };
  return {
    create({ id, body, meta: { fingerprint, requested_at: created_at } }) {
      const before = all.get(id);
      const stored = before ?? {
        kept: { fingerprint, created_at, body },
        paused: false,
        note: '',
        deleted: false,
      };
      if (stored.kept.fingerprint !== fingerprint) return Promise.resolve(undefined);
      all.set(id, stored);
      return Promise.resolve({ schedule: resource(id, stored), replayed: before !== undefined });
    },
    find(id) {
      const stored = there(id);
      return Promise.resolve(stored && { schedule: { ...resource(id, stored), missed_firings: 0 }, started });
    },
    list({ limit, cursor = '0' }) {
      if (!/^\d+$/.test(cursor)) throw new InvalidCursor(cursor);
      const end = Number(cursor) + limit;
      const known = [...all].filter(([, { deleted }]) => !deleted).toReversed();
      const data = known.slice(Number(cursor), end).map(([id, stored]) => resource(id, stored));
      return Promise.resolve({ data, next_cursor: end < known.length ? String(end) : null });
    },
    pause: (id, note = NO_REASON.paused) => change(id, { paused: true, note }),
    resume: (id, note = NO_REASON.resumed) => change(id, { paused: false, note }),
    remove: async (id) => (await change(id, { deleted: true })) !== undefined,
    outcome: ({ transfer }) => Promise.resolve(outcomes[transfer] ?? {}),
  };
}

/** Schedules that must not be reached. */
export function untouchableSchedules(guard: (name: string) => () => never): Schedules {
  return {
    create: guard('create'),
    find: guard('find'),
    list: guard('list'),
    pause: guard('pause'),
    resume: guard('resume'),
    remove: guard('remove'),
    outcome: guard('outcome'),
  };
}

function resource(id: string, { kept, paused, note }: Stored): ScheduleResource {
  const tomorrow = new Date(Date.parse(kept.created_at) + DAY_MS);
  return scheduleFrom(id, kept, { paused, note, next: [tomorrow] });
}
