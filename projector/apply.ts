/** What events mean for the rows of the read model. Pure: the same events always give the same rows. */
import type { RecordedEvent } from '../contracts/events.ts';
import type { EntryResource, TransferResource } from '../contracts/http.ts';
import { accountFrom, transferFrom } from '../contracts/resources.ts';
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

export type TransferRow = TransferResource;

export type Rows = {
  /** The position of the last event. */
  readonly position: number;
  /** One for each account that was touched. */
  readonly accounts: readonly AccountRow[];
  readonly entries: readonly EntryRow[];
  readonly transfers: readonly TransferRow[];
};

type Movement = RecordedEvent<'MoneyDeposited' | 'MoneyWithdrawn'>;
type Completed = RecordedEvent<'TransferCompleted'>;
type AccountEvent = Exclude<
  RecordedEvent,
  RecordedEvent<'TransferCompleted' | 'TransferRejected' | 'CommandAnswered'>
>;

/** An account that events have touched: its first event and its last one. */
type Touched = { readonly first: AccountEvent; last: AccountEvent };

/**
 * The rows to write after these events, which are whole batches in log order.
 * @throws Error if the events of a transfer are not together, which only a bug brings about.
 */
export function apply(events: readonly RecordedEvent[]): Rows {
  const completed = new Map<string, Completed>();
  for (const event of events) {
    if (event.name === 'TransferCompleted') completed.set(event.aggregateId, event);
  }
  const accounts = new Map<string, Touched>();
  const entries: EntryRow[] = [];
  const transfers: TransferRow[] = [];
  for (const event of events) {
    switch (event.name) {
      case 'AccountCreated':
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
      case 'TransferCompleted':
      case 'TransferRejected':
        transfers.push(transferFrom(event));
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
    transfers,
  };
}

function touch(accounts: Map<string, Touched>, event: AccountEvent): void {
  const touched = accounts.get(event.aggregateId);
  if (touched) touched.last = event;
  else accounts.set(event.aggregateId, { first: event, last: event });
}

function accountRow({ first, last }: Touched): AccountRow {
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
function openingOf(first: AccountEvent): AccountOpening | undefined {
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
    counterparty: paysOut ? transfer.data.to : transfer.data.from,
    kind: transfer.data.kind,
    reference: transfer.data.reference ?? null,
    balance: data.balances.posted,
    created_at: event.time,
  };
}
