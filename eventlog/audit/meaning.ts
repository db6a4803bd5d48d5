/**
 * What each event means to an audit. A new event is added here, and nowhere else in the audit: the compiler says where
 * it is missing.
 */
import type { AccountEvent } from '../../domain/account.ts';
import type { EventName, RecordedEvent } from '../../contracts/events.ts';
import type { AccountEventRecord } from '../event-reader.ts';

/**
 * What an event is in the life of its aggregate. Only the first event `begins` it; one that `ends` it is the last, so
 * that a transfer has one outcome, a hold ends once, and nothing happens to a closed account.
 */
export const LIFE: Readonly<Record<EventName, 'begins' | 'goes on' | 'ends'>> = {
  AccountCreated: 'begins',
  MoneyDeposited: 'goes on',
  MoneyWithdrawn: 'goes on',
  AccountFrozen: 'goes on',
  AccountUnfrozen: 'goes on',
  AccountClosed: 'ends',
  TransferCompleted: 'ends',
  TransferRejected: 'ends',
  CommandAnswered: 'ends',
};

export function isAccountEvent(event: RecordedEvent): event is AccountEventRecord {
  return event.aggregate === 'account';
}

/** An account event as the domain knows it: what happened, without the state after it. */
export function happenedTo(event: AccountEventRecord): AccountEvent {
  switch (event.name) {
    case 'AccountCreated': {
      const { owner, currency, metadata, overdraft_limit } = event.data;
      return { type: event.name, owner, currency, metadata, overdraftLimit: BigInt(overdraft_limit) };
    }
    case 'MoneyDeposited':
    case 'MoneyWithdrawn': {
      const { transfer, amount, currency } = event.data;
      return { type: event.name, transfer, currency, amount: BigInt(amount) };
    }
    case 'AccountFrozen':
    case 'AccountUnfrozen':
    case 'AccountClosed':
      return { type: event.name };
  }
}

/** A line of a transfer on an account. */
export type Leg = {
  readonly transfer: string;
  readonly account: string;
  readonly direction: 'debit' | 'credit';
  readonly amount: string;
  readonly currency: string;
};

/** The movement that an event is, if it is one. */
export function legOf(event: RecordedEvent): Leg | undefined {
  if (event.name !== 'MoneyDeposited' && event.name !== 'MoneyWithdrawn') return undefined;
  const { transfer, amount, currency } = event.data;
  const direction = event.name === 'MoneyWithdrawn' ? 'debit' : 'credit';
  return { transfer, account: event.aggregateId, direction, amount, currency };
}

/** The movements that an event promises in its own batch, if it is one that moves money between accounts. */
export function promisedLegs(event: RecordedEvent): readonly Leg[] | undefined {
  if (event.name !== 'TransferCompleted') return undefined;
  const { from, to, amount, currency } = event.data;
  const common = { transfer: event.aggregateId, amount, currency };
  return [
    { ...common, account: from, direction: 'debit' },
    { ...common, account: to, direction: 'credit' },
  ];
}
