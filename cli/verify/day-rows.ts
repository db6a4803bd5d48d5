/** The daily totals, added up from the log as the projector does, and which of them the read model has shown. */
import type { Finding } from '../../eventlog/audit/finding.ts';
import type { DayRow } from '../../projector/projections/totals.ts';
import { differenceOf, differs } from './compare-rows.ts';

/** As Postgres gives it. */
export type DayColumns = Omit<DayRow, 'count' | 'position'> & {
  readonly count: string;
  readonly position: string;
};

type Folded = Pick<DayRow, 'currency' | 'closing_balance' | 'count' | 'position'> & {
  readonly debits: bigint;
  readonly credits: bigint;
  /** The position by which the day was there. */
  readonly since: number;
  readonly seen: boolean;
};

/** A chunk of rows, ordered by key: its last key (none: it was the end of the table), and the position that it shows. */
type Chunk = { readonly position: number; readonly last: string | undefined };

/** No account has a space in its name, and every character that it may have comes after it. */
export function keyOfDay({ account, day }: Pick<DayRow, 'account' | 'day'>): string {
  return `${account} ${day}`;
}

export class DayRows {
  readonly #folded = new Map<string, Folded>();
  readonly #chunks: Chunk[] = [];

  /** Adds what events up to a position have added. */
  add(rows: readonly DayRow[], since: number): void {
    for (const row of rows) {
      const key = keyOfDay(row);
      const before = this.#folded.get(key) ?? { debits: 0n, credits: 0n, count: 0, since, seen: false };
      const { currency, closing_balance, position } = row;
      this.#folded.set(key, {
        ...before,
        currency,
        closing_balance,
        position,
        debits: before.debits + BigInt(row.debits),
        credits: before.credits + BigInt(row.credits),
        count: before.count + row.count,
      });
    }
  }

  /** Compares a chunk with what was added up to its position. */
  compare(rows: readonly DayColumns[], chunk: Chunk): Finding | undefined {
    this.#chunks.push(chunk);
    for (const row of rows) {
      const key = keyOfDay(row);
      const place = { position: chunk.position, table: `daily_totals ${key}` };
      const folded = this.#folded.get(key);
      if (!folded) return differs(place, 'the log has no such day');
      this.#folded.set(key, { ...folded, seen: true });
      const difference = differenceOf(wanted(folded), found(row));
      if (difference !== undefined) return differs(place, difference);
    }
    return undefined;
  }

  /** A day that had no row in the chunk where it belongs, once all chunks were compared. */
  missing(): Finding | undefined {
    for (const [key, { seen, since }] of this.#folded) {
      if (seen) continue;
      const chunk = this.#chunks.find(({ last }) => last === undefined || key <= last);
      // It may be younger than the chunk.
      if (!chunk || since > chunk.position) continue;
      return differs({ position: chunk.position, table: `daily_totals ${key}` }, 'its row is missing');
    }
    return undefined;
  }
}

function wanted({ since: _since, seen: _seen, debits, credits, ...rest }: Folded): object {
  return { ...rest, debits: debits.toString(), credits: credits.toString() };
}

function found({ currency, closing_balance, debits, credits, count, position }: DayColumns): object {
  return { currency, closing_balance, debits, credits, count: Number(count), position: Number(position) };
}
