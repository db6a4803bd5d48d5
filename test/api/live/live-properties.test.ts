import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLive, type Live } from '../../../api/live/live.ts';
import type { EventFilter } from '../../../eventlog/read/event-reader.ts';
import { eventFrom } from '../../../messages/mapping/resources.ts';
import { SseParser, type SseEvent } from '../../support/http/sse.ts';
import { createGrowingLog, type GrowingLog } from './growing-log.ts';

/** One client over all its streams: it takes a chunk when it is told to, and comes back when a stream ends. */
class Reader {
  readonly live: Live;
  readonly filter: EventFilter;
  readonly after: number | undefined;
  readonly events: SseEvent[] = [];
  readonly ends: { resume_after: number; seen: number }[] = [];
  start: number | undefined;
  endings = 0;
  gone = false;
  parser = new SseParser();
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #taking = false;

  constructor(live: Live, filter: EventFilter, after: number | undefined) {
    this.live = live;
    this.filter = filter;
    this.after = after;
    this.start = after;
  }

  /** Takes the next chunk, unless it is still waiting for one. */
  take(): void {
    if (this.#taking) return;
    this.#taking = true;
    void this.#take().finally(() => (this.#taking = false));
  }

  leave(): void {
    this.gone = true;
    void this.#reader?.cancel();
  }

  async #take(): Promise<void> {
    if (this.gone) return;
    this.#reader ??= await this.#open();
    const { done, value } = await this.#reader.read();
    if (!done) return this.#hear(Buffer.from(value).toString());
    this.#reader = undefined;
    this.endings += 1;
  }

  async #open() {
    const { lastEventId } = this.parser;
    this.parser = new SseParser(lastEventId);
    const after = lastEventId === '' ? this.after : Number(lastEventId);
    const stream = await this.live.open({ after, filter: this.filter, cut: () => {} });
    return stream.getReader();
  }

  #hear(text: string): void {
    for (const event of this.parser.push(text)) {
      if (event.type !== 'end') this.events.push(event);
      else this.ends.push({ ...JSON.parse(event.data), seen: this.events.length });
    }
    this.start ??= Number(this.parser.lastEventId);
  }
}

/** What a client must have seen if it had no gap and no repeat, and nothing else. */
function expected(log: GrowingLog, { filter, start }: Reader) {
  return log.matching(filter).filter(({ position }) => position > (start ?? Number.POSITIVE_INFINITY));
}

const filters = fc.constantFrom<EventFilter>(
  {},
  {},
  { account: 'alice' },
  { account: 'nobody' },
  { type: 'ledger.TransferCompleted.v1' },
  { account: 'bob', type: 'ledger.MoneyDeposited.v1' },
  { account: 'bob', type: 'ledger.TransferCompleted.v1' },
);

const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('grow' as const), batches: fc.integer({ min: 1, max: 8 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('join' as const),
        filter: filters,
        // Of the log as it is then: from the beginning, from the end, from anywhere, or nothing said.
        after: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
      }),
    },
    { weight: 8, arbitrary: fc.record({ do: fc.constant('take' as const), who: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), who: fc.nat(9) }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('wait' as const), turns: fc.integer({ min: 1, max: 30 }) }),
    },
  ),
  { minLength: 20, maxLength: 100 },
);

const settings = fc.record({
  ring: fc.record({ events: fc.integer({ min: 1, max: 8 }), bytes: fc.integer({ min: 1, max: 20_000 }) }),
  before: fc.integer({ min: 0, max: 20 }),
  lingerMs: fc.constantFrom(0, 1_000),
  patienceMs: fc.constantFrom(0, 20),
});

type Step = (typeof steps extends fc.Arbitrary<infer Steps> ? Steps : never) extends (infer One)[]
  ? One
  : never;

async function carryOut(
  step: Step,
  { log, live, readers }: { log: GrowingLog; live: Live; readers: Reader[] },
) {
  if (step.do === 'grow') log.grow(step.batches);
  if (step.do === 'take') readers[step.who % Math.max(1, readers.length)]?.take();
  if (step.do === 'leave') readers[step.who % Math.max(1, readers.length)]?.leave();
  if (step.do === 'wait') for (let count = 0; count < step.turns; count += 1) await turn();
  if (step.do === 'join') {
    const after = step.after === undefined ? undefined : Math.round(step.after * log.events.length);
    readers.push(new Reader(live, step.filter, after));
  }
}

/** Lets every client read until it has all, and a while longer: there must be nothing more. */
async function readOn(log: GrowingLog, readers: readonly Reader[]): Promise<void> {
  const missing = () =>
    readers.some(
      (reader) =>
        !reader.gone && (reader.start === undefined || reader.events.length < expected(log, reader).length),
    );
  const takeAll = async () => {
    for (const reader of readers) reader.take();
    await turn();
  };
  for (const deadline = Date.now() + 2_000; missing() && Date.now() < deadline;) await takeAll();
  for (let count = 0; count < 20; count += 1) await takeAll();
}

describe('the live stream, however clients come, read and go while the log grows', () => {
  it('gives each client each event once and in order, over all its streams', async () => {
    let behind = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer(), settings, steps, async (seed, chosen, todo) => {
        const log = createGrowingLog(seed);
        const live = createLive(log, {
          settings: { ...chosen, againMs: 1, heartbeatMs: 60_000 },
          observer: { began: () => {}, dropped: () => (behind += 1) },
          tell: () => {},
        });
        const readers: Reader[] = [];
        for (const step of todo) await carryOut(step, { log, live, readers });
        await readOn(log, readers);
        for (const reader of readers) {
          const all = expected(log, reader).map((event) => ({
            type: event.type,
            lastEventId: String(event.position),
            data: JSON.stringify(eventFrom(event)),
          }));
          // One that left has seen a part, from the beginning.
          expect(reader.events).toEqual(reader.gone ? all.slice(0, reader.events.length) : all);
          // The server ends no stream without a word.
          if (!reader.gone) expect(reader.endings).toBeLessThanOrEqual(reader.ends.length);
          for (const { resume_after, seen } of reader.ends) {
            expect(all.filter(({ lastEventId }) => Number(lastEventId) <= resume_after)).toHaveLength(seen);
          }
        }
        live.close();
      }),
      { numRuns: 300 },
    );
    // It has been about slow clients too.
    expect(behind).toBeGreaterThan(10);
  }, 60_000);
});
