/** What events mean for all rows of the read model. Pure: the same events always give the same rows. */
import type { RecordedEvent } from '../../contracts/events.ts';
import { applyBalances, type AccountRow, type EntryRow } from '../../projector/projections/balances.ts';
import type { LabelRow } from '../../projector/projections/first-and-last.ts';
import { PROJECTION_NAMES, type ProjectionName } from '../../projector/projections/projection.ts';
import { applyTotals, type DayRow } from '../../projector/projections/totals.ts';
import {
  applyTransfers,
  type HoldRow,
  type TransactionAccountRow,
  type TransferRow,
} from '../../projector/projections/transfers.ts';

export type { AccountRow, EntryRow } from '../../projector/projections/balances.ts';
export type { HoldRow, TransactionAccountRow, TransferRow } from '../../projector/projections/transfers.ts';

export type Rows = {
  /** The position of the last event. */
  readonly position: number;
  readonly accounts: readonly AccountRow[];
  readonly entries: readonly EntryRow[];
  readonly transfers: readonly TransferRow[];
  readonly transactionAccounts: readonly TransactionAccountRow[];
  readonly labels: readonly LabelRow[];
  readonly holds: readonly HoldRow[];
  readonly totals: readonly DayRow[];
};

/** The rows that these projections write after these events, which are whole batches in log order. */
export function apply(
  events: readonly RecordedEvent[],
  projections: readonly ProjectionName[] = PROJECTION_NAMES,
): Rows {
  const of = (name: ProjectionName) => (projections.includes(name) ? events : []);
  const { accounts, account_labels, entries } = applyBalances(of('balances'));
  const { transfers, transaction_accounts, labels, holds } = applyTransfers(of('transfers'));
  return {
    position: events.at(-1)?.position ?? 0,
    accounts,
    entries,
    transfers,
    transactionAccounts: transaction_accounts,
    labels: [...account_labels, ...labels].toSorted((a, b) => a.first_position - b.first_position),
    holds,
    totals: applyTotals(of('totals')).daily_totals,
  };
}
