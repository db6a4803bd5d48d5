/** What events mean for the daily totals of accounts. Pure: the same events always give the same rows. */
import type { RecordedEvent } from '../../contracts/events.ts';

/** What these events add to a day of an account; the balance and the position are those after the last of them. */
export type DayRow = {
  readonly account: string;
  readonly currency: string;
  /** UTC, as 2026-11-23. */
  readonly day: string;
  readonly debits: string;
  readonly credits: string;
  readonly count: number;
  readonly closing_balance: string;
  readonly position: number;
};

type Sum = Readonly<{ debits: bigint; credits: bigint; count: number }>;

/** What to add to the totals after these events. */
export function applyTotals(events: readonly RecordedEvent[]): { readonly daily_totals: readonly DayRow[] } {
  const sums = new Map<string, Sum>();
  const rows = new Map<string, DayRow>();
  for (const event of events) {
    if (event.name !== 'MoneyDeposited' && event.name !== 'MoneyWithdrawn') continue;
    const { aggregateId: account, position, data } = event;
    const day = event.time.slice(0, 'yyyy-mm-dd'.length);
    const key = `${account} ${day}`;
    const before = sums.get(key) ?? { debits: 0n, credits: 0n, count: 0 };
    const paysOut = event.name === 'MoneyWithdrawn';
    const amount = BigInt(data.amount);
    const sum = {
      debits: before.debits + (paysOut ? amount : 0n),
      credits: before.credits + (paysOut ? 0n : amount),
      count: before.count + 1,
    };
    sums.set(key, sum);
    rows.set(key, {
      account,
      currency: data.currency,
      day,
      debits: sum.debits.toString(),
      credits: sum.credits.toString(),
      count: sum.count,
      closing_balance: data.balances.posted,
      position,
    });
  }
  return { daily_totals: [...rows.values()] };
}
