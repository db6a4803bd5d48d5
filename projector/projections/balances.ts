/** What events mean for balances and statements. Pure: the same events always give the same rows. */
import type { AccountRecord, RecordedEvent } from '../../contracts/events.ts';
import type { EntryResource } from '../../contracts/http.ts';
import { isWorldAccount } from '../../domain/account.ts';
import { assert } from '../../domain/assert.ts';
import { accountFrom } from '../../messages/mapping/resources.ts';
import { accountsIn, labelRows, noteEvent, type LabelRow, type FirstAndLast } from './first-and-last.ts';

/** The state of an account after its last event. The fields are named as the columns are, as in every row here. */
export type AccountRow = {
  readonly id: string;
  readonly currency: string;
  readonly status: string;
  readonly posted: string;
  readonly held: string;
  readonly overdraft_limit: string;
  readonly version: number;
  /** Not given for an account that has its row already. */
  readonly opening?: AccountOpening;
};

/** What never changes in the row of an account. */
type AccountOpening = {
  readonly owner: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly created_at: string;
  /** The position of the account's first event. */
  readonly first_position: number;
};

export type EntryRow = EntryResource & { readonly account: string };

type Movement = RecordedEvent<'MoneyDeposited' | 'MoneyWithdrawn'>;
type Completed = RecordedEvent<'TransferCompleted'>;

type BalanceRows = {
  /** One for each account that was touched. */
  readonly accounts: readonly AccountRow[];
  readonly account_labels: readonly LabelRow[];
  readonly entries: readonly EntryRow[];
};

/**
 * The rows of accounts and their entries to write after these events.
 * @throws Error if the events of a transfer are not together, which only a bug brings about.
 */
export function applyBalances(events: readonly RecordedEvent[]): BalanceRows {
  const completed = new Map<string, Completed>();
  for (const event of events) {
    if (event.name === 'TransferCompleted') completed.set(event.aggregateId, event);
  }
  const accounts = new Map<string, FirstAndLast<AccountRecord>>();
  const entries: EntryRow[] = [];
  const labels: LabelRow[] = [];
  for (const event of events) {
    if (event.aggregate !== 'account') continue;
    noteEvent(accounts, event);
    labels.push(...labelRows(event));
    if (event.name === 'MoneyDeposited' || event.name === 'MoneyWithdrawn') {
      entries.push(entryFrom(event, completed.get(event.data.transfer)));
    }
  }
  return { accounts: [...accounts.values()].map(accountRow), account_labels: labels, entries };
}

function accountRow({ first, last }: FirstAndLast<AccountRecord>): AccountRow {
  const { data, version } = last;
  const opening = openingOf(first);
  return {
    id: last.aggregateId,
    currency: data.currency,
    status: data.status,
    posted: data.balances.posted,
    held: data.balances.held,
    overdraft_limit: data.overdraft_limit,
    version,
    ...(opening ? { opening } : {}),
  };
}

/** No event creates a world account, so every movement of one says how it began: it may be the first. */
function openingOf(first: AccountRecord): AccountOpening | undefined {
  const created = first.name === 'AccountCreated' ? first : undefined;
  if (!created && !isWorldAccount(first.aggregateId)) return undefined;
  const { version, data, position } = first;
  const { owner, metadata, created_at } = accountFrom(first.aggregateId, created, { ...data, version });
  return { owner, metadata, created_at, first_position: position };
}

function entryFrom(event: Movement, transfer: Completed | undefined): EntryRow {
  const { data } = event;
  assert(transfer !== undefined, `transfer ${data.transfer} ends in the batch that moves its money`);
  const paysOut = event.name === 'MoneyWithdrawn';
  return {
    position: event.position,
    account: event.aggregateId,
    version: event.version,
    transfer: data.transfer,
    direction: paysOut ? 'debit' : 'credit',
    amount: data.amount,
    currency: data.currency,
    counterparty: counterpartyOf(event.aggregateId, transfer),
    kind: transfer.data.kind,
    reference: transfer.data.reference ?? null,
    balance: data.balances.posted,
    created_at: event.time,
  };
}

/** The other account of a transfer; none if there are more than two. */
function counterpartyOf(account: string, { data }: Completed): string | null {
  const others = accountsIn(data).filter((id) => id !== account);
  return others.length === 1 ? (others[0] ?? null) : null;
}
