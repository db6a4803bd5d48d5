/**
 * What each event means to an audit. A new event is added here, and nowhere else in the audit: the compiler says where
 * it is missing.
 */
import type { AccountRecord, EventName, RecordedEvent, TransferRecord } from '../../contracts/events.ts';
import type { AggregateRef } from '../../contracts/subjects.ts';
import { isWorldAccount, type AccountEvent, type Purpose } from '../../domain/account.ts';
import { unreachable } from '../../domain/assert.ts';
import { entriesOf, totalOf } from '../../domain/transfer.ts';
import { transferAfter } from '../../messages/mapping/event-data.ts';

/**
 * Where an aggregate is in its life. `none`: before its first event. `world`: an account that exists by itself.
 * `requested`: a transfer that somebody has to approve. `open`: whatever else goes on. `posted`: its money has moved, and
 * not all of that has been undone. `ended`: nothing happens to it any more.
 */
export const PHASES = ['none', 'world', 'requested', 'open', 'frozen', 'posted', 'ended'] as const;
export type Phase = (typeof PHASES)[number];

type Transition = {
  /** The phases that the event may come in. */
  readonly from: readonly Phase[];
  /** The phase that it leaves; the same if it is not given. */
  readonly to?: Phase;
};

/**
 * The lives of aggregates. A transfer moves its money once and ends once, a hold ends once, nobody approves what was not
 * asked for, nothing leaves a frozen account, and nothing happens to a closed one.
 */
const TRANSITIONS: Readonly<Record<EventName, Transition>> = {
  AccountCreated: { from: ['none'], to: 'open' },
  MoneyDeposited: { from: ['open', 'frozen', 'world'] },
  MoneyWithdrawn: { from: ['open', 'world'] },
  FundsHeld: { from: ['open', 'world'] },
  FundsReleased: { from: ['open', 'frozen', 'world'] },
  AccountUpdated: { from: ['open', 'frozen'] },
  AccountFrozen: { from: ['open'], to: 'frozen' },
  AccountUnfrozen: { from: ['frozen'], to: 'open' },
  AccountClosed: { from: ['open', 'frozen'], to: 'ended' },
  TransferRequested: { from: ['none'], to: 'open' },
  TransferApproved: { from: ['requested'], to: 'open' },
  TransferParked: { from: ['open'] },
  TransferCompleted: { from: ['none', 'open'], to: 'posted' },
  TransferReversed: { from: ['posted'] },
  TransferRejected: { from: ['none', 'requested'], to: 'ended' },
  TransferCancelled: { from: ['requested', 'open'], to: 'ended' },
  TransferExpired: { from: ['requested'], to: 'ended' },
  TransferFailed: { from: ['requested', 'open'], to: 'ended' },
  HoldPlaced: { from: ['none'], to: 'open' },
  HoldExtended: { from: ['open'] },
  HoldCaptured: { from: ['open'], to: 'ended' },
  HoldVoided: { from: ['open'], to: 'ended' },
  HoldExpired: { from: ['open'], to: 'ended' },
  CommandRecorded: { from: ['none'], to: 'ended' },
};

/** The phase of an aggregate before its first event. */
export function firstPhase({ aggregate, id }: AggregateRef): Phase {
  return aggregate === 'account' && isWorldAccount(id) ? 'world' : 'none';
}

/** The phase that an event leaves its aggregate in, or undefined if it cannot come in that phase. */
export function phaseAfter(event: RecordedEvent, before: Phase): Phase | undefined {
  const { from, to = before } = TRANSITIONS[event.name];
  if (!from.includes(before)) return undefined;
  if (event.name === 'TransferRequested' && event.data.status === 'awaiting_approval') return 'requested';
  if (event.name === 'TransferReversed' && BigInt(event.data.reversed) >= totalOf(termsOf(event))) {
    return 'ended';
  }
  return to;
}

/** True for an event that only a new aggregate can have. */
export function isFirstEvent({ name }: RecordedEvent): boolean {
  return TRANSITIONS[name].from.every((phase) => phase === 'none');
}

export function isAccountEvent(event: RecordedEvent): event is AccountRecord {
  return event.aggregate === 'account';
}

export function isTransferEvent(event: RecordedEvent): event is TransferRecord {
  return event.aggregate === 'transfer';
}

/** What was asked for of a transfer, in the domain's terms. */
export function termsOf(event: TransferRecord) {
  return transferAfter(event).terms;
}

/** An account event as the domain knows it: what happened, without the state after it. */
export function domainEventOf(event: AccountRecord): AccountEvent {
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
    case 'FundsHeld':
    case 'FundsReleased': {
      const { amount, hold, transfer = '' } = event.data;
      const purpose: Purpose = hold === undefined ? { transfer } : { hold };
      return { type: event.name, purpose, amount: BigInt(amount) };
    }
    case 'AccountUpdated':
      return { type: event.name, overdraftLimit: BigInt(event.data.overdraft_limit) };
    case 'AccountFrozen':
    case 'AccountUnfrozen':
    case 'AccountClosed':
      return { type: event.name };
  }
  return unreachable(event);
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
  const transfer = event.aggregateId;
  return entriesOf(termsOf(event)).map((entry) => ({ ...entry, transfer, amount: entry.amount.toString() }));
}
