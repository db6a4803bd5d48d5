/** What events mean for the rows of the read model. Pure: the same events always give the same rows. */
import type { AccountRecord, HoldRecord, RecordedEvent, TransferRecord } from '../contracts/events.ts';
import type { EntryResource, HoldResource, TransferResource } from '../contracts/http.ts';
import { accountFrom, holdFrom, transferFrom } from '../contracts/resources.ts';
import { assert } from '../domain/assert.ts';
import { isWorldAccount } from '../domain/account.ts';

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

export type Rows = {
  /** The position of the last event. */
  readonly position: number;
  /** One for each account that was touched. */
  readonly accounts: readonly AccountRow[];
  readonly entries: readonly EntryRow[];
  /** One for each transfer that something happened to, in the order of their last events. */
  readonly transfers: readonly TransferRow[];
  readonly transactionAccounts: readonly TransactionAccountRow[];
  /** As with transfers. */
  readonly holds: readonly HoldRow[];
};

type Movement = RecordedEvent<'MoneyDeposited' | 'MoneyWithdrawn'>;
type Completed = RecordedEvent<'TransferCompleted'>;

/** What events have happened to: its first event of these, and its last one. */
type Touched<Event> = { readonly first: Event; readonly last: Event };

/**
 * The rows to write after these events, which are whole batches in log order.
 * @throws Error if the events of a transfer are not together, which only a bug brings about.
 */
export function apply(events: readonly RecordedEvent[]): Rows {
  const completed = new Map<string, Completed>();
  for (const event of events) {
    if (event.name === 'TransferCompleted') completed.set(event.aggregateId, event);
  }
  const accounts = new Map<string, Touched<AccountRecord>>();
  const transfers = new Map<string, Touched<TransferRecord>>();
  const holds = new Map<string, Touched<HoldRecord>>();
  const entries: EntryRow[] = [];
  const transactionAccounts: TransactionAccountRow[] = [];
  for (const event of events) {
    switch (event.name) {
      case 'AccountCreated':
      case 'FundsHeld':
      case 'FundsReleased':
      case 'AccountUpdated':
      case 'AccountFrozen':
      case 'AccountUnfrozen':
      case 'AccountClosed':
        touch(accounts, event);
        break;
      case 'MoneyDeposited':
      case 'MoneyWithdrawn':
        touch(accounts, event);
        entries.push(entryFrom(event, completed.get(event.data.transfer)));
        break;
      case 'TransferRequested':
      case 'TransferApproved':
      case 'TransferParked':
      case 'TransferCompleted':
      case 'TransferRejected':
      case 'TransferCancelled':
      case 'TransferExpired':
      case 'TransferFailed':
      case 'TransferReversed':
        touch(transfers, event);
        transactionAccounts.push(...transactionAccountRows(event));
        break;
      case 'HoldPlaced':
      case 'HoldExtended':
      case 'HoldCaptured':
      case 'HoldVoided':
      case 'HoldExpired':
        touch(holds, event);
        break;
      case 'CommandAnswered':
        // Says again what an event before it has said.
        break;
    }
  }
  return {
    position: events.at(-1)?.position ?? 0,
    accounts: [...accounts.values()].map(accountRow),
    entries,
    transfers: [...transfers.values()].map(({ first, last }) => ({ ...transferFrom(last), ...begun(first) })),
    transactionAccounts,
    holds: [...holds.values()].map(({ first, last }) => ({ ...holdFrom(last), ...begun(first) })),
  };
}

/** Whatever something happened to last comes last. */
function touch<Event extends RecordedEvent>(touched: Map<string, Touched<Event>>, event: Event): void {
  const first = touched.get(event.aggregateId)?.first ?? event;
  touched.delete(event.aggregateId);
  touched.set(event.aggregateId, { first, last: event });
}

function begun({ version, position }: RecordedEvent): Begun {
  return version === 1 ? { first_position: position } : {};
}

/** What a transfer names never changes, so the rows come with its first event. */
function transactionAccountRows({ data, version, position: first_position }: TransferRecord) {
  if (version > 1 || !('entries' in data)) return [];
  return accountsIn(data).map((account): TransactionAccountRow => ({ account, first_position }));
}

/** The accounts that a transfer names, each once. */
function accountsIn(data: TransferRecord['data']): string[] {
  if (!('entries' in data)) return [data.from, data.to];
  return [...new Set(data.entries.map(({ account }) => account))].toSorted();
}

function accountRow({ first, last }: Touched<AccountRecord>): AccountRow {
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
