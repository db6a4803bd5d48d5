/** Nothing breaks: does anything grow? */
import { sampleOf, thirdsOf } from '../process-samples.ts';
import type { Complaint, Scenario } from '../scenario.ts';
import { positionsOf } from '../system.ts';

const MINUTES = 10;
const SHORT_MINUTES = 1;
const EVERY_MS = 2_000;
/** A process that has just been started takes memory until it knows its work: that is not looked at. */
const WARM_UP_SHARE = 0.2;
/** Memory is taken lazily, and given back lazily: less than this is no growth. */
const GROWTH = { factor: 1.3, rssMib: 64, handles: 20, lag: 500 } as const;

/** What grows with the ledger by design: servers keep indexes of what they store. */
const SERVERS: readonly string[] = ['nats', 'temporal', 'read-model'];

type Series = {
  readonly part: string;
  readonly what: 'rssMib' | 'handles' | 'lag';
  readonly values: number[];
};

export const soak: Scenario = {
  name: 'soak',
  proves: 'Ten minutes at half load: memory, handles and lag of Tallybook’s processes stay where they were.',
  short: false,
  system: { workers: 1 },
  loadFactor: 0.5,
  async inject(system, { minutes, short, sleep }) {
    const series = system.parts.flatMap((part): Series[] => [
      { part, what: 'rssMib', values: [] },
      { part, what: 'handles', values: [] },
    ]);
    const lag: Series = { part: 'projector', what: 'lag', values: [] };
    const lasts = (minutes ?? (short ? SHORT_MINUTES : MINUTES)) * 60_000;
    const end = Date.now() + lasts;
    await sleep(lasts * WARM_UP_SHARE);
    while (Date.now() < end) {
      await sleep(EVERY_MS);
      for (const { part, what, values } of series) {
        const sample = sampleOf(system.pid(part));
        if (sample && what !== 'lag') values.push(sample[what]);
      }
      const positions = await positionsOf(system);
      if (positions) lag.values.push(positions.log - positions.readModel);
    }
    const all = [...series, lag];
    return { faults: [], notes: all.map(tell), complaints: all.flatMap(grown) };
  },
};

const UNITS = { rssMib: 'MiB', handles: 'handles', lag: 'events behind' } as const;

function tell({ part, what, values }: Series): string {
  const { first, last } = thirdsOf(values);
  return `${part}: ${Math.round(first)} ${UNITS[what]} in the first third, ${Math.round(last)} in the last (medians)`;
}

function grown({ part, what, values }: Series): Complaint[] {
  const { first, last } = thirdsOf(values);
  const byDesign = SERVERS.includes(part) && what === 'rssMib';
  if (byDesign || last <= Math.max(first * GROWTH.factor, first + GROWTH[what])) return [];
  return [{ check: 'it grows', found: tell({ part, what, values }) }];
}
