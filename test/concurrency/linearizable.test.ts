import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { changeAccount, changeHold, moveMoney, placeHold } from '../support/ledgers/test-ledger.ts';
import {
  ledgerModel,
  tellBalances,
  type LedgerCall,
  type LedgerOperation,
} from '../support/reference/ledger-history.ts';
import { explain, type Model, type Operation } from '../support/reference/linearizable.ts';
import type { Account } from '../support/reference/reference-things.ts';

const open: Account = { status: 'open', currency: 'EUR', posted: 0, held: 0, limit: 0, version: 1 };
const shown = (change: Partial<Account>) => tellBalances({ ...open, ...change });

/** At the beginning ann has ten, and ben nothing. */
const model = ledgerModel({ ann: { ...open, posted: 10 }, ben: open });
const explained = (...history: LedgerOperation[]) => explain(history, model).explained;

let ids = 0;
const pay = (amount: number): LedgerCall => {
  const terms = { source: 'ann', destination: 'ben', amount: String(amount) };
  return { type: 'command', request: moveMoney(`t${(ids += 1)}`, terms) };
};
const read = (account: string): LedgerCall => ({ type: 'read', account });
const freeze: LedgerCall = { type: 'command', request: changeAccount('ann', { type: 'account.freeze' }) };
const hold: LedgerCall = { type: 'command', request: placeHold('h', { account: 'ann', amount: '10' }) };
const voided: LedgerCall = { type: 'command', request: changeHold('h', { type: 'hold.void' }) };
const captured: LedgerCall = {
  type: 'command',
  request: changeHold('h', { type: 'hold.capture', transfer: 'c', destination: 'ben' }),
};

type Times = readonly [from: number, to: number];
const op = (call: LedgerCall, [from, to]: Times, response?: string): LedgerOperation => {
  return { call, response, from, to };
};
/** A read that a client makes after it has seen another operation; what others do it may see late. */
const later = (call: LedgerCall, to: number, { response, seen }: { response: string; seen: number[] }) => {
  return { call, response, from: -Infinity, to, after: seen };
};

describe('is explained', () => {
  test('what happened one after the other', () => {
    const paid = shown({ posted: 6 });
    expect(explained(op(pay(4), [1, 2], 'done'), op(read('ann'), [3, 4], paid))).toBe(true);
    expect(
      explained(op(pay(10), [1, 2], 'done'), op(pay(1), [3, 4], 'insufficient_funds'), op(pay(1), [5, 6])),
    ).toBe(true);
  });

  test('what overlaps, in whichever order it fits', () => {
    const before = shown({ posted: 10 });
    expect(explained(op(pay(4), [1, 9], 'done'), op(read('ann'), [2, 3], before))).toBe(true);
    expect(explained(op(pay(9), [1, 9], 'insufficient_funds'), op(pay(8), [2, 8], 'done'))).toBe(true);
    expect(explained(op(freeze, [1, 9], 'done'), op(pay(8), [2, 8], 'account_frozen'))).toBe(true);
  });

  test('what changes nothing if it comes first, and something if it comes last', () => {
    const unfreeze: LedgerCall = {
      type: 'command',
      request: changeAccount('ann', { type: 'account.unfreeze' }),
    };
    const both = [op(freeze, [1, 5], 'done'), op(unfreeze, [2, 6], 'done')];
    expect(explained(...both, op(pay(1), [7, 8], 'done'))).toBe(true);
    expect(explained(...both, op(pay(1), [7, 8], 'account_frozen'))).toBe(true);
  });

  test('an answer that nobody got, whether it took effect or not, and however late', () => {
    const lost = op(pay(10), [1, 2]);
    expect(explained(lost, op(pay(10), [3, 4], 'done'))).toBe(true);
    expect(explained(lost, op(pay(10), [3, 4], 'insufficient_funds'))).toBe(true);
    const late = op(read('ann'), [3, 4], shown({ posted: 10 }));
    expect(explained(lost, late, op(read('ann'), [5, 6], shown({ posted: 0 })))).toBe(true);
  });

  test('a read of the past by a client who knows no better', () => {
    const stale = later(read('ann'), 4, { response: shown({ posted: 10 }), seen: [] });
    expect(explained(op(pay(4), [1, 2], 'done'), stale)).toBe(true);
  });
});

describe('is not explained', () => {
  test('a lost update: two were paid, and the balance knows of one', () => {
    const one = shown({ posted: 6 });
    expect(
      explained(op(pay(4), [1, 5], 'done'), op(pay(4), [2, 4], 'done'), op(read('ann'), [6, 7], one)),
    ).toBe(false);
  });

  test('money that was spent twice', () => {
    expect(explained(op(pay(10), [1, 5], 'done'), op(pay(10), [2, 4], 'done'))).toBe(false);
  });

  test('money that was held, and captured and voided too', () => {
    const placed = op(hold, [1, 2], 'done');
    expect(explained(placed, op(captured, [3, 9], 'done'), op(voided, [3, 9], 'hold_not_active'))).toBe(true);
    expect(explained(placed, op(captured, [3, 9], 'done'), op(voided, [3, 9], 'done'))).toBe(false);
    expect(
      explained(placed, op(captured, [3, 9], 'hold_not_active'), op(voided, [3, 9], 'hold_not_active')),
    ).toBe(false);
  });

  test('a refusal for lack of money that was there all the time', () => {
    expect(explained(op(pay(4), [1, 9], 'done'), op(pay(5), [2, 8], 'insufficient_funds'))).toBe(false);
  });

  test('a payment that came after the account was frozen', () => {
    expect(explained(op(freeze, [1, 2], 'done'), op(pay(1), [3, 4], 'done'))).toBe(false);
  });

  test('a read that does not show what its client has seen: with min_position that must not be', () => {
    const before = shown({ posted: 10 });
    const stale = later(read('ann'), 4, { response: before, seen: [0] });
    expect(explained(op(pay(4), [1, 2], 'done'), stale)).toBe(false);
    expect(explained(op(pay(4), [1, 2], 'done'), op(read('ann'), [3, 4], before))).toBe(false);
  });

  test('two reads of one client that go back in time', () => {
    const now = shown({ posted: 6 });
    const back = later(read('ann'), 6, { response: shown({ posted: 10 }), seen: [1] });
    expect(explained(op(pay(4), [1, 9], 'done'), op(read('ann'), [2, 3], now), back)).toBe(false);
  });

  test('half a transfer: taken from one, and not yet there at the other', () => {
    const taken = op(read('ann'), [2, 3], shown({ posted: 6 }));
    const missing = op(read('ben'), [4, 5], shown({}));
    expect(explained(op(pay(4), [1, 9], 'done'), taken, missing)).toBe(false);
  });

  test('and the verdict names what could not come next', () => {
    const history = [op(pay(4), [1, 2], 'done'), op(pay(10), [3, 4], 'done')];
    expect(explain(history, model)).toEqual({ explained: false, order: [0], stuck: [1] });
  });
});

/** A counter: `add` answers what it is afterwards. */
const counter: Model<number, number, number> = {
  initial: 0,
  step: (state, add, response) =>
    response === undefined || response === state + add ? state + add : undefined,
  observes: (add) => add === 0,
  key: String,
};
type Added = Operation<number, number>;

describe('whatever the history', () => {
  /** Operations that took effect in this order at the times 1, 2, 3 and so on; asked before that, answered after. */
  const histories = fc
    .array(fc.record({ add: fc.nat(3), early: fc.nat(4), late: fc.nat(4), lost: fc.nat(9) }), {
      maxLength: 40,
    })
    .map((all) => {
      let state = 0;
      return all.map(({ add, early, late, lost }, index): Added => {
        state += add;
        const from = index + 0.5 - early;
        return { call: add, response: lost === 0 ? undefined : state, from, to: index + 0.5 + late };
      });
    });

  test('what a counter did in some order is explained, and the order found is one', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const verdict = explain(history, counter);
        expect(verdict.explained).toBe(true);
        let state = 0;
        const place = new Map(verdict.order.map((number, at) => [number, at]));
        for (const number of verdict.order) {
          const { call, response = state + call } = history[number]!;
          state += call;
          expect(state).toBe(response);
        }
        for (const [one, { to, response }] of history.entries()) {
          for (const [other, { from }] of history.entries()) {
            if (response === undefined || from <= to || !place.has(other)) continue;
            expect(place.get(one)).toBeLessThan(place.get(other)!);
          }
        }
      }),
    );
  });

  test('it says the same as trying every order does', () => {
    const small = fc.array(
      fc.record({ add: fc.nat(2), response: fc.option(fc.nat(4)), from: fc.nat(6), lasts: fc.nat(3) }),
      { maxLength: 5 },
    );
    const verdicts = new Set<boolean>();
    fc.assert(
      fc.property(small, (all) => {
        const history = all.map(({ add, response, from, lasts }): Added => ({
          call: add,
          response: response ?? undefined,
          from,
          to: from + lasts,
        }));
        const { explained: found } = explain(history, counter);
        verdicts.add(found);
        expect(found).toBe(anyOrder(history));
      }),
      { numRuns: 1_000 },
    );
    expect(verdicts.size).toBe(2);
  });
});

/** Whether any order of all that was answered, and of some of the rest, explains a history of a counter. */
function anyOrder(history: readonly Added[], state = 0): boolean {
  if (history.every(({ response }) => response === undefined)) return true;
  return history.some((next, index) => {
    const rest = history.filter((_, other) => other !== index);
    const dueBefore = rest.some(({ response, to }) => response !== undefined && to < next.from);
    const after = state + next.call;
    return !dueBefore && (next.response ?? after) === after && anyOrder(rest, after);
  });
}
