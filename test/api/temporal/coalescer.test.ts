import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CommandOutcome } from '../../../api/commands/commands.ts';
import {
  createCoalescer,
  type CommandRunner,
  type CoalescingLimits,
} from '../../../api/temporal/coalescer.ts';
import type { CommandRequest } from '../../../messages/commands.ts';
import { moveMoney } from '../../support/ledgers/test-ledger.ts';

const LIMITS: CoalescingLimits = {
  inFlightMax: 2,
  countMax: 5,
  bytesMax: 10_000,
  queueMax: 100,
  patienceMs: 8_000,
  slowMs: 4_000,
};
const request = (id: string) => moveMoney(id, { source: 'a', destination: 'b', amount: '1' });

/** The outcome of a command that says which one it was. */
function outcomeOf({ id }: CommandRequest): CommandOutcome {
  return { type: 'error', rejection: { code: 'account_not_found', detail: id } };
}

/** Carriers that note what they were given, and take a moment. */
function carriers(more: Partial<CommandRunner> = {}) {
  const carried: string[][] = [];
  const given: CommandRunner = {
    async runOne(one) {
      carried.push([one.id]);
      await sleep(2);
      return outcomeOf(one);
    },
    async runBatch(requests) {
      carried.push(requests.map(({ id }) => id));
      await sleep(2);
      return requests.map((one) => ({ status: 'fulfilled', value: outcomeOf(one) }));
    },
    ...more,
  };
  return { carried, given };
}

describe('commands that arrive', () => {
  test('alone are carried out alone, one after the other', async () => {
    const { carried, given } = carriers();
    const coalesce = createCoalescer(given, LIMITS);
    for (const id of ['1', '2', '3']) expect(await coalesce(request(id))).toEqual(outcomeOf(request(id)));
    expect(carried).toEqual([['1'], ['2'], ['3']]);
  });

  test('while others are on their way gather for the next workflow, in their order', async () => {
    const { carried, given } = carriers();
    const coalesce = createCoalescer(given, LIMITS);
    await Promise.all(['1', '2', '3', '4', '5', '6'].map((id) => coalesce(request(id))));
    expect(carried).toEqual([['1'], ['2'], ['3', '4', '5', '6']]);
  });

  test('share a workflow up to a count, and up to a size; a large one is taken all the same', async () => {
    const { carried, given } = carriers();
    const size = JSON.stringify(request('1')).length;
    const coalesce = createCoalescer(given, { ...LIMITS, inFlightMax: 1, bytesMax: size * 3 });
    const large = { ...request('large'), reference: 'x'.repeat(size * 4) };
    const ids = ['1', '2', '3', '4', '5'];
    await Promise.all([...ids.map((id) => coalesce(request(id))), coalesce(large), coalesce(request('7'))]);
    expect(carried).toEqual([['1'], ['2', '3', '4'], ['5'], ['large'], ['7']]);
  });

  test('beyond what may wait are overloaded at once, and the others go on', async () => {
    const { given } = carriers();
    const coalesce = createCoalescer(given, { ...LIMITS, inFlightMax: 1, queueMax: 3 });
    const outcomes = await Promise.all(['1', '2', '3', '4', '5'].map((id) => coalesce(request(id))));
    expect(outcomes.map(({ type }) => type)).toEqual(['error', 'error', 'error', 'error', 'unavailable']);
    expect(outcomes[4]).toMatchObject({ code: 'overloaded' });
  });

  test('and wait too long for what is under way are answered in time, with nothing done', async () => {
    const { carried, given } = carriers({
      runOne: async (one) => {
        await sleep(200);
        return outcomeOf(one);
      },
    });
    const coalesce = createCoalescer(given, { ...LIMITS, inFlightMax: 1, patienceMs: 50 });
    const [first, second] = await Promise.all([coalesce(request('1')), coalesce(request('2'))]);
    expect(first).toEqual(outcomeOf(request('1')));
    expect(second).toMatchObject({ type: 'unavailable', code: 'dependency_unavailable' });
    expect(carried).toEqual([]);
  });

  test('do not wait long for one that waits for something of its own', async () => {
    const { given } = carriers({
      runOne: async (one) => {
        await sleep(one.id === 'slow' ? 300 : 2);
        return outcomeOf(one);
      },
    });
    const coalesce = createCoalescer(given, { ...LIMITS, inFlightMax: 1, slowMs: 20 });
    const order: string[] = [];
    const ask = (id: string) => coalesce(request(id)).then(() => order.push(id));
    await Promise.all([ask('slow'), ask('quick'), ask('quick too')]);
    expect(order).toEqual(['quick', 'quick too', 'slow']);
  });

  test('do not multiply where all are slow', async () => {
    let now = 0;
    let most = 0;
    const slowly = async () => {
      now += 1;
      most = Math.max(most, now);
      await sleep(60);
      now -= 1;
    };
    const { given } = carriers({
      runOne: (one) => slowly().then(() => outcomeOf(one)),
      runBatch: (all) =>
        slowly().then(() => all.map((one) => ({ status: 'fulfilled', value: outcomeOf(one) }))),
    });
    const coalesce = createCoalescer(given, { ...LIMITS, countMax: 1, inFlightMax: 1, slowMs: 20 });
    const ask = (id: number) => coalesce(request(`${id}`));
    await Promise.all([1, 2, 3, 4, 5].map(ask));
    // The first ones are slow for all that is known; then it is known how long one takes.
    most = 0;
    await Promise.all([6, 7, 8, 9, 10].map(ask));
    expect(most).toBe(1);
  });

  test('with a bug in one of them fail alone', async () => {
    const { given } = carriers({
      runBatch: (requests) =>
        Promise.resolve(
          requests.map((one) =>
            one.id === '3'
              ? { status: 'rejected', reason: new Error('a bug') }
              : { status: 'fulfilled', value: outcomeOf(one) },
          ),
        ),
    });
    const coalesce = createCoalescer(given, { ...LIMITS, inFlightMax: 1 });
    const settled = await Promise.allSettled(['1', '2', '3', '4'].map((id) => coalesce(request(id))));
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  });

  test('go on after a carrier has failed', async () => {
    const { given } = carriers({ runBatch: () => Promise.reject(new Error('a bug')) });
    const coalesce = createCoalescer(given, { ...LIMITS, inFlightMax: 1 });
    const settled = await Promise.allSettled(['1', '2', '3'].map((id) => coalesce(request(id))));
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(await coalesce(request('4'))).toEqual(outcomeOf(request('4')));
  });

  test('whenever they arrive, each get their own outcome, once, within all bounds', async () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(pauses, fc.integer({ min: 1, max: 3 }), async (waits, inFlightMax) => {
        let underWay = 0;
        const { carried, given } = carriers();
        const bounded = async <Result>(work: () => Promise<Result>): Promise<Result> => {
          underWay += 1;
          expect(underWay).toBeLessThanOrEqual(inFlightMax);
          return await work().finally(() => (underWay -= 1));
        };
        const coalesce = createCoalescer(
          {
            runOne: (one, deadline) => bounded(() => given.runOne(one, deadline)),
            runBatch: (many, deadline) => bounded(() => given.runBatch(many, deadline)),
          },
          { ...LIMITS, inFlightMax },
        );
        const asked: Promise<CommandOutcome>[] = [];
        for (const [index, wait] of waits.entries()) {
          asked.push(coalesce(request(String(index))));
          if (wait > 0) await sleep(wait - 1);
        }
        const outcomes = await Promise.all(asked);
        expect(outcomes).toEqual(waits.map((_, index) => outcomeOf(request(String(index)))));
        expect(carried.flat()).toEqual(waits.map((_, index) => String(index)));
        expect(Math.max(...carried.map(({ length }) => length))).toBeLessThanOrEqual(LIMITS.countMax);
      }),
      { numRuns: 30 },
    );
  });
});
