/**
 * Holds the read model against the log while both go on. No transaction spans it: the embedded Postgres has one
 * session, and everybody else would wait. Entries and transfers never change, so their rows are compared range by
 * range as the log is read. Accounts do change: each chunk of them comes with the position that it shows, and the log is
 * read up to exactly that before they are compared.
 */
import type { RecordedEvent } from '../contracts/events.ts';
import type { Finding } from '../eventlog/audit/finding.ts';
import { apply } from '../projector/apply.ts';
import { PROJECTION } from '../projector/checkpoint.ts';
import type { ReadModel } from '../projector/database.ts';
import {
  entryFromRow,
  transferFromRow,
  type AccountColumns,
  type EntryColumns,
  type TransferColumns,
} from '../projector/rows.ts';
import { AccountRows } from './account-rows.ts';
import { CannotRun } from './command.ts';
import { compareByPosition } from './compare-rows.ts';

/** Events whose rows are asked for at once. */
const RANGE_MIN = 2_000;
const ACCOUNTS_CHUNK = 2_000;

export class ReadModelCheck {
  readonly #db: ReadModel;
  readonly #accounts = new AccountRows();
  #events: RecordedEvent[] = [];
  #position = 0;
  /** The comparison under way: Postgres works on it while the log is read on. */
  #comparing: Promise<Finding | undefined> = Promise.resolve(undefined);

  constructor(db: ReadModel) {
    this.#db = db;
  }

  /** The position up to which it was compared. */
  get position(): number {
    return this.#position;
  }

  add(event: RecordedEvent, endsBatch: boolean): Promise<Finding | undefined> | undefined {
    this.#events.push(event);
    return endsBatch && this.#events.length >= RANGE_MIN ? this.#compare() : undefined;
  }

  async compareAccounts(readOn: (to: number) => Promise<Finding | undefined>): Promise<Finding | undefined> {
    for (let after = ''; ;) {
      const { reached, rows } = await this.#chunk(after);
      const finding = (await readOn(reached)) ?? (await this.#settle());
      if (finding) return finding;
      if (reached < this.#position) {
        throw new CannotRun('The read model is being made anew. Verify again when it is there.');
      }
      const last = rows.length < ACCOUNTS_CHUNK ? undefined : rows.at(-1)?.id;
      const different = this.#accounts.compare(rows, { position: reached, last });
      if (different) return different;
      if (last === undefined) return this.#accounts.missing();
      after = last;
    }
  }

  /** Compares what was added, and tells what the comparison before it has found. */
  async #compare(): Promise<Finding | undefined> {
    const before = await this.#comparing;
    const events = this.#events;
    this.#events = [];
    const from = this.#position;
    const rows = apply(events);
    this.#position = events.at(-1)?.position ?? from;
    this.#accounts.add(rows.accounts, this.#position);
    this.#comparing = this.#compareRange(from, rows);
    // It is awaited later; until then a lost connection is nobody's unhandled rejection.
    this.#comparing.catch(() => {});
    return before;
  }

  async #settle(): Promise<Finding | undefined> {
    return (this.#events.length > 0 ? await this.#compare() : undefined) ?? (await this.#comparing);
  }

  async #compareRange(from: number, rows: ReturnType<typeof apply>): Promise<Finding | undefined> {
    const { sql, table } = this.#db;
    const to = rows.position;
    const [entries, transfers] = await Promise.all([
      sql<(EntryColumns & { account: string })[]>`
        select * from ${table('entries')} where position > ${from} and position <= ${to} order by position`,
      sql<TransferColumns[]>`
        select * from ${table('transfers')} where position > ${from} and position <= ${to} order by position`,
    ]);
    return (
      compareByPosition('entries', rows.entries, entries.map(entryFromRow)) ??
      compareByPosition('transfers', rows.transfers, transfers.map(transferFromRow))
    );
  }

  /** One statement, so that the rows and the position belong together. */
  async #chunk(after: string): Promise<{ reached: number; rows: AccountColumns[] }> {
    const { sql, table } = this.#db;
    const found = await sql<(AccountColumns & { reached: string })[]>`
      select projection.position as reached, chunk.*
      from ${table('projections')} as projection
      left join lateral (
        select * from ${table('accounts')} where id > ${after} order by id limit ${ACCOUNTS_CHUNK}
      ) as chunk on true
      where projection.name = ${PROJECTION}
      order by chunk.id`;
    const reached = Number(found[0]?.reached ?? 0);
    return { reached, rows: found.filter(({ id }) => id !== null) };
  }
}
