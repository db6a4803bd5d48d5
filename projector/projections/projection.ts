/** What a projection is. It is made of pure parts; the loop in `projector/run/projector.ts` and the writers do the rest. */
import type { RecordedEvent } from '../../contracts/events.ts';

export const PROJECTION_NAMES = ['balances', 'transfers', 'totals'] as const;

export type ProjectionName = (typeof PROJECTION_NAMES)[number];

/** The tables that projections write. */
export type RowTable =
  | 'accounts'
  | 'account_labels'
  | 'entries'
  | 'transfers'
  | 'transaction_accounts'
  | 'labels'
  | 'holds'
  | 'daily_totals';

/** What to write: for each table its rows, with its columns as names. */
export type RowsOf = { readonly [Table in RowTable]?: readonly object[] };

export type Projection = {
  readonly name: ProjectionName;
  /** Raised whenever `apply` gives other rows than before: the tables are then built anew. */
  readonly version: number;
  /** No other projection writes these. */
  readonly tables: readonly RowTable[];
  /** The rows to write after these events, which are whole commands in log order. Throws for what it cannot apply. */
  readonly apply: (batch: readonly RecordedEvent[]) => RowsOf;
};
