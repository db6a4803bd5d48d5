/** What events mean for transfers and holds. Pure: the same events always give the same rows. */
import type { HoldRecord, RecordedEvent, TransferRecord } from '../../contracts/events.ts';
import type { HoldResource, TransferResource } from '../../contracts/http.ts';
import { holdFrom, transferFrom } from '../../messages/mapping/resources.ts';
import { accountsIn, labelRows, noteEvent, type LabelRow, type FirstAndLast } from './first-and-last.ts';

/** The position of the first event; not given for what has its row already. All else is as the last event says. */
type Begun = { readonly first_position?: number };

export type TransferRow = TransferResource & Begun;
export type HoldRow = HoldResource & Begun;

/** That a transfer with entries names an account, in however many of them. */
export type TransactionAccountRow = {
  readonly account: string;
  /** Of the transfer. */
  readonly first_position: number;
};

type WaitingRows = {
  /** One for each transfer that something happened to, in the order of their last events. */
  readonly transfers: readonly TransferRow[];
  readonly transaction_accounts: readonly TransactionAccountRow[];
  readonly labels: readonly LabelRow[];
  /** As with transfers. */
  readonly holds: readonly HoldRow[];
};

/** The rows of transfers and holds to write after these events. */
export function applyTransfers(events: readonly RecordedEvent[]): WaitingRows {
  const transfers = new Map<string, FirstAndLast<TransferRecord>>();
  const holds = new Map<string, FirstAndLast<HoldRecord>>();
  const named: TransactionAccountRow[] = [];
  const labels: LabelRow[] = [];
  for (const event of events) {
    if (event.aggregate === 'transfer') {
      noteEvent(transfers, event);
      named.push(...transactionAccountRows(event));
      labels.push(...labelRows(event));
    } else if (event.aggregate === 'hold') {
      noteEvent(holds, event);
      labels.push(...labelRows(event));
    }
  }
  return {
    transfers: [...transfers.values()].map(({ first, last }) => ({ ...transferFrom(last), ...begun(first) })),
    transaction_accounts: named,
    labels,
    holds: [...holds.values()].map(({ first, last }) => ({ ...holdFrom(last), ...begun(first) })),
  };
}

function begun({ version, position }: RecordedEvent): Begun {
  return version === 1 ? { first_position: position } : {};
}

/** What a transfer names never changes, so the rows come with its first event. */
function transactionAccountRows({ data, version, position: first_position }: TransferRecord) {
  if (version > 1 || !('entries' in data)) return [];
  return accountsIn(data).map((account): TransactionAccountRow => ({ account, first_position }));
}
