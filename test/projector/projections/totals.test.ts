import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RecordedEvent } from '../../../contracts/events.ts';
import { applyTotals, type DayRow } from '../../../projector/projections/totals.ts';
import { createTestLog } from '../../support/events/events.ts';
import { history, STEPS } from './history.ts';

const on = (events: readonly RecordedEvent[], time: string) => events.map((event) => ({ ...event, time }));

describe('daily totals', () => {
  it('are the debits, the credits, their number and the last balance of each account and day', () => {
    const log = createTestLog();
    log.open('alice');
    const monday = on(
      [...log.deposit('alice', 100n), ...log.withdraw('alice', 30n)],
      '2026-11-23T23:59:59.999Z',
    );
    const tuesday = on(log.deposit('alice', 5n), '2026-11-24T00:00:00.000Z');
    const { daily_totals } = applyTotals([...monday, ...tuesday]);
    const alice = daily_totals.filter(({ account }) => account === 'alice');
    expect(alice).toEqual([
      {
        account: 'alice',
        currency: 'EUR',
        day: '2026-11-23',
        debits: '30',
        credits: '100',
        count: 2,
        closing_balance: '70',
        position: 5,
      },
      {
        account: 'alice',
        currency: 'EUR',
        day: '2026-11-24',
        debits: '0',
        credits: '5',
        count: 1,
        closing_balance: '75',
        position: 9,
      },
    ]);
  });

  it('of all accounts have as many debits as credits', () => {
    const steps = fc.array(fc.nat({ max: STEPS - 1 }), { maxLength: 40 });
    fc.assert(
      fc.property(steps, (chosen) => {
        const { daily_totals } = applyTotals(history(chosen).events);
        const sum = (of: (row: DayRow) => string) =>
          daily_totals.reduce((all, row) => all + BigInt(of(row)), 0n);
        expect(sum(({ debits }) => debits)).toBe(sum(({ credits }) => credits));
      }),
    );
  });

  it('are not touched by anything but movements', () => {
    const log = createTestLog();
    log.open('alice');
    log.setStatus('alice', 'freeze');
    expect(applyTotals(log.events)).toEqual({ daily_totals: [] });
  });
});
