/**
 * Holds the read model against the log while both go on. No transaction spans it: it may take an hour, and Postgres
 * would keep all that was changed meanwhile. Entries never change, and a transfer or a hold is what the event at its
 * position says, so their rows are compared range by range as the log is read, and none is remembered. Accounts are
 * changed all the time: each chunk of them comes with the position that it shows, and the log is read up to exactly
 * that before they are compared; so are daily totals. Each projection has a position of its own: before its rows are
 * compared, it is waited for until it is as far as the log was read.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordedEvent } from '../../contracts/events.ts';
import type { Finding } from '../../eventlog/audit/finding.ts';
import type { LabelRow } from '../../projector/projections/first-and-last.ts';
import { PROJECTION_NAMES, type ProjectionName } from '../../projector/projections/projection.ts';
import {
  entryFromRow,
  holdFromRow,
  transferFromRow,
  type AccountColumns,
  type EntryColumns,
  type HoldColumns,
  type TransferColumns,
} from '../../projector/queries/rows.ts';
import { readPosition } from '../../projector/tables/checkpoint.ts';
import type { ReadModel } from '../../projector/tables/database.ts';
import { CannotRun } from '../command.ts';
import { AccountRows } from './account-rows.ts';
import { apply } from './apply.ts';
import { compareChanging, type RowPosition } from './changing-rows.ts';
import { compareByPosition, differs } from './compare-rows.ts';
import { DayRows, keyOfDay, type DayColumns } from './day-rows.ts';

/** Events whose rows are asked for at once. */
const RANGE_MIN = 2_000;
const CHUNK = 2_000;
/** A projection may be a moment behind the others. */
const WAIT_MAX_MS = 10_000;
const ASK_AGAIN_MS = 50;

export class ReadModelCheck {
  readonly #db: ReadModel;
  readonly #compared: readonly ProjectionName[];
  readonly #rangeMin: number;
  readonly #accounts = new AccountRows();
  readonly #days = new DayRows();
  /** Where projections were when they were asked last. */
  readonly #known = new Map<ProjectionName, number>();
  #events: RecordedEvent[] = [];
  #position = 0;
  /** Rows that had moved on when they were looked for stand at no later position than this. */
  #movedTo = 0;
  /** The comparison under way: Postgres works on it while the log is read on. */
  #comparing: Promise<Finding | undefined> = Promise.resolve(undefined);

  /** @param compared what other projections write is left alone */
  constructor(db: ReadModel, rangeMin = RANGE_MIN, compared: readonly ProjectionName[] = PROJECTION_NAMES) {
    this.#db = db;
    this.#compared = compared;
    this.#rangeMin = rangeMin;
  }

  /** The position up to which it was compared. */
  get position(): number {
    return this.#position;
  }

  add(event: RecordedEvent, endsBatch: boolean): Promise<Finding | undefined> | undefined {
    this.#events.push(event);
    return endsBatch && this.#events.length >= this.#rangeMin ? this.#compare() : undefined;
  }

  /** Compares the accounts, and then what moved on while the log was read. */
  async compareAccounts(readOn: (to: number) => Promise<Finding | undefined>): Promise<Finding | undefined> {
    return (
      (this.#compares('balances') ? await this.#compareBalances(readOn) : await this.#settle()) ??
      (this.#compares('totals') ? await this.#compareDays(readOn) : undefined) ??
      (await this.#followMoved(readOn))
    );
  }

  #compares(projection: ProjectionName): boolean {
    return this.#compared.includes(projection);
  }

  async #compareBalances(readOn: (to: number) => Promise<Finding | undefined>): Promise<Finding | undefined> {
    for (let after = ''; ;) {
      const { reached, rows } = await this.#chunk(after);
      const finding = (await readOn(reached)) ?? (await this.#settle());
      if (finding) return finding;
      if (reached < this.#position) {
        throw new CannotRun('The read model is being made anew. Verify again when it is there.');
      }
      const last = rows.length < CHUNK ? undefined : rows.at(-1)?.id;
      const different = this.#accounts.compare(rows, { position: reached, last });
      if (different) return different;
      if (last === undefined) break;
      after = last;
    }
    return this.#accounts.missing();
  }

  /** As with accounts. */
  async #compareDays(readOn: (to: number) => Promise<Finding | undefined>): Promise<Finding | undefined> {
    for (let after = { account: '', day: '0001-01-01' }; ;) {
      const { reached, rows } = await this.#chunkOfDays(after);
      const finding = (await readOn(reached)) ?? (await this.#settle());
      if (finding) return finding;
      const last = rows.length < CHUNK ? undefined : rows.at(-1);
      const chunk = { position: reached, last: last && keyOfDay(last) };
      const different = this.#days.compare(rows, chunk);
      if (different) return different;
      if (last === undefined) return this.#days.missing();
      after = last;
    }
  }

  /** Compares what was added, and tells what the comparison before it has found. */
  async #compare(): Promise<Finding | undefined> {
    const before = await this.#comparing;
    const events = this.#events;
    this.#events = [];
    const from = this.#position;
    const rows = apply(events, this.#compared);
    this.#position = events.at(-1)?.position ?? from;
    this.#accounts.add(rows.accounts, this.#position);
    this.#days.add(rows.totals, this.#position);
    this.#comparing = this.#compareRange(from, rows);
    // It is awaited later; until then a lost connection is nobody's unhandled rejection.
    this.#comparing.catch(() => {});
    return before;
  }

  async #settle(): Promise<Finding | undefined> {
    return (this.#events.length > 0 ? await this.#compare() : undefined) ?? (await this.#comparing);
  }

  /**
   * Reads on to where the rows stand that had moved on. Meanwhile others may have, but ever fewer: a transfer has a
   * handful of events, and each round is as short as the one before it was.
   */
  async #followMoved(readOn: (to: number) => Promise<Finding | undefined>): Promise<Finding | undefined> {
    const beyond = await this.#beyond();
    if (beyond) return beyond;
    while (this.#movedTo > this.#position) {
      const finding = (await readOn(this.#movedTo)) ?? (await this.#settle());
      if (finding) return finding;
    }
    return undefined;
  }

  async #compareRange(from: number, rows: ReturnType<typeof apply>): Promise<Finding | undefined> {
    const { sql, table } = this.#db;
    const to = rows.position;
    for (const name of this.#compared) await this.#reached(name, to);
    // Of what is not compared nothing is expected, and nothing looked at.
    const ofBalances = this.#compares('balances') ? sql`` : sql`and false`;
    const ofTransfers = this.#compares('transfers') ? sql`` : sql`and false`;
    const [entries, named, labels, transfers, holds] = await Promise.all([
      sql<(EntryColumns & { account: string })[]>`
        select * from ${table('entries')} where position > ${from} and position <= ${to} ${ofBalances}
        order by position`,
      sql<{ account: string; position: string }[]>`
        select account, first_position as position from ${table('transaction_accounts')}
        where first_position > ${from} and first_position <= ${to} ${ofTransfers}
        order by first_position, account`,
      sql<LabelColumns[]>`
        select * from ${table('labels')}
        where first_position > ${from} and first_position <= ${to} ${ofTransfers}
        union all
        select * from ${table('account_labels')}
        where first_position > ${from} and first_position <= ${to} ${ofBalances}`,
      sql<TransferColumns[]>`
        select * from ${table('transfers')} where position > ${from} and position <= ${to} ${ofTransfers}`,
      sql<HoldColumns[]>`
        select * from ${table('holds')} where position > ${from} and position <= ${to} ${ofTransfers}`,
    ]);
    return (
      compareByPosition('entries', rows.entries, entries.map(entryFromRow)) ??
      compareByPosition(
        'transaction_accounts',
        rows.transactionAccounts.map(({ account, first_position: position }) => ({ account, position })),
        named.map(({ account, position }) => ({ account, position: Number(position) })),
      ) ??
      compareByPosition(
        'labels',
        rows.labels.map(labelFrom).toSorted(byLabel),
        labels.map(labelFrom).toSorted(byLabel),
      ) ??
      (await compareChanging(
        { table: 'transfers', to, wanted: rows.transfers, found: transfers.map(begun(transferFromRow)) },
        (ids) => this.#rowPositions('transfers', ids),
      )) ??
      (await compareChanging(
        { table: 'holds', to, wanted: rows.holds, found: holds.map(begun(holdFromRow)) },
        (ids) => this.#rowPositions('holds', ids),
      ))
    );
  }

  /** Where rows stand. One statement, so that none of them stands beyond the position that comes with it. */
  async #rowPositions(name: 'transfers' | 'holds', ids: readonly string[]): Promise<RowPosition[]> {
    const { sql, table } = this.#db;
    const found = await sql<(Places & { id: string; reached: string })[]>`
      select id, position, first_position,
        (select position from ${table('projections')} where name = 'transfers' and state = 'live') as reached
      from ${table(name)}
      where id in (select json_array_elements_text(${JSON.stringify(ids)}::text::json))`;
    this.#movedTo = Math.max(this.#movedTo, Number(found[0]?.reached ?? 0));
    return found.map(({ id, position, first_position }) => {
      return { id, position: Number(position), first_position: Number(first_position) };
    });
  }

  /** A row at a position that the read model has not reached: no event that will be read explains it. */
  async #beyond(): Promise<Finding | undefined> {
    const { sql, table } = this.#db;
    const [row] = await sql<{ name: string; position: string }[]>`
      select rows.name, rows.position from ${table('projections')} as projection, lateral (
        (select 'entries' as name, 'balances' as of, position from ${table('entries')} order by position desc limit 1)
        union all
        (select 'transfers', 'transfers', position from ${table('transfers')} order by position desc limit 1)
        union all
        (select 'holds', 'transfers', position from ${table('holds')} order by position desc limit 1)
      ) as rows
      where projection.name = rows.of and projection.state = 'live' and rows.position > projection.position
        and projection.name in (select json_array_elements_text(${JSON.stringify(this.#compared)}::text::json))
      order by rows.position limit 1`;
    return (
      row &&
      differs({ position: Number(row.position), table: row.name }, 'the log gives no row of this position')
    );
  }

  /** One statement, so that the rows and the position belong together. */
  async #chunk(after: string): Promise<{ reached: number; rows: AccountColumns[] }> {
    const { sql, table } = this.#db;
    await this.#reached('balances', this.#position);
    const found = await sql<(AccountColumns & { reached: string })[]>`
      select projection.position as reached, chunk.*
      from ${table('projections')} as projection
      left join lateral (
        select * from ${table('accounts')} where id > ${after} order by id limit ${CHUNK}
      ) as chunk on true
      where projection.name = 'balances' and projection.state = 'live'
      order by chunk.id`;
    const reached = Number(found[0]?.reached ?? 0);
    return { reached, rows: found.filter(({ id }) => id !== null) };
  }

  async #chunkOfDays({ account, day }: { account: string; day: string }) {
    const { sql, table } = this.#db;
    await this.#reached('totals', this.#position);
    const found = await sql<(DayColumns & { reached: string })[]>`
      select projection.position as reached, chunk.*
      from ${table('projections')} as projection
      left join lateral (
        select account, to_char(day, 'YYYY-MM-DD') as day, currency, debits, credits, count, closing_balance, position
        from ${table('daily_totals')} where (account, day) > (${account}, ${day}::text::date)
        order by account, daily_totals.day limit ${CHUNK}
      ) as chunk on true
      where projection.name = 'totals' and projection.state = 'live'
      order by chunk.account, chunk.day`;
    return { reached: Number(found[0]?.reached ?? 0), rows: found.filter((row) => row.account !== null) };
  }

  /** Waits until a projection shows a position. */
  async #reached(projection: ProjectionName, position: number): Promise<void> {
    const since = performance.now();
    while ((this.#known.get(projection) ?? 0) < position) {
      const reached = await readPosition(this.#db, projection);
      this.#known.set(projection, reached);
      if (reached >= position) return;
      if (performance.now() - since > WAIT_MAX_MS) {
        throw new CannotRun(
          `The projection "${projection}" is at position ${reached}, behind the others. Verify again later.`,
        );
      }
      await sleep(ASK_AGAIN_MS);
    }
  }
}

type LabelColumns = { readonly kind: string; readonly label: string; readonly first_position: string };

function labelFrom({ kind, label, first_position }: LabelColumns | LabelRow) {
  return { kind, label, position: Number(first_position) };
}

/** Any order will do, if it is the same for both. */
function byLabel(a: ReturnType<typeof labelFrom>, b: ReturnType<typeof labelFrom>): number {
  return a.position - b.position || (a.label < b.label ? -1 : 1);
}

type Places = { readonly position: string; readonly first_position: string };

/** A resource from its row, with where it began. */
function begun<Columns extends Places, Resource extends object>(fromRow: (row: Columns) => Resource) {
  return (row: Columns) => ({ ...fromRow(row), first_position: Number(row.first_position) });
}
