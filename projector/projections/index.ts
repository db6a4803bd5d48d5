/** The projections that ship. */
import { applyBalances } from './balances.ts';
import type { Projection, ProjectionName } from './projection.ts';
import { applyTotals } from './totals.ts';
import { applyTransfers } from './transfers.ts';

/** The name of each is its key. */
export const PROJECTIONS: Readonly<Record<ProjectionName, Projection>> = {
  balances: {
    name: 'balances',
    version: 1,
    tables: ['accounts', 'account_labels', 'entries'],
    apply: applyBalances,
  },
  transfers: {
    name: 'transfers',
    version: 1,
    tables: ['transfers', 'transaction_accounts', 'labels', 'holds'],
    apply: applyTransfers,
  },
  totals: { name: 'totals', version: 1, tables: ['daily_totals'], apply: applyTotals },
};
