/** What the domain says, as the data of events, and back. Every event carries the state of its aggregate after it. */
import type { z } from 'zod';
import type { EventData, HoldRecord, stateAfter, TransferRecord } from '../../contracts/events.ts';
import type { AccountEvent, ExistingAccount } from '../../domain/account.ts';
import { available } from '../../domain/account.ts';
import { unreachable } from '../../domain/assert.ts';
import { holdStatusAfter, type ExistingHold, type HoldEvent } from '../../domain/hold.ts';
import {
  statusAfter,
  type ExistingTransfer,
  type TransferEvent,
  type TransferTerms,
} from '../../domain/transfer.ts';

type AccountStateData = z.infer<z.ZodObject<typeof stateAfter>>;

/** The state part of an account event's data. */
export function accountStateData(after: ExistingAccount): AccountStateData {
  return {
    status: after.status,
    currency: after.currency,
    balances: {
      posted: after.posted.toString(),
      held: after.held.toString(),
      available: available(after).toString(),
    },
    overdraft_limit: after.overdraftLimit.toString(),
  };
}

/** The account as it was after an event that carries its state. */
export function accountAfter(accountId: string, data: AccountStateData): ExistingAccount {
  return {
    id: accountId,
    status: data.status,
    currency: data.currency,
    posted: BigInt(data.balances.posted),
    held: BigInt(data.balances.held),
    overdraftLimit: BigInt(data.overdraft_limit),
  };
}

/** The data of an account event: what happened, and the state after it. */
export function accountEventData(event: AccountEvent, after: ExistingAccount): EventData {
  const state = accountStateData(after);
  switch (event.type) {
    case 'AccountCreated':
      return { owner: event.owner, metadata: event.metadata, ...state };
    case 'MoneyDeposited':
    case 'MoneyWithdrawn':
      return { transfer: event.transfer, amount: event.amount.toString(), ...state };
    case 'FundsHeld':
    case 'FundsReleased':
      return { ...event.purpose, amount: event.amount.toString(), ...state };
    case 'AccountUpdated':
      return state;
    case 'AccountFrozen':
    case 'AccountUnfrozen':
    case 'AccountClosed':
      return { ...(event.reason === undefined ? {} : { reason: event.reason }), ...state };
  }
}

type TermsData = EventData<'TransferCompleted'>;

function termsData(terms: TransferTerms): TermsData {
  const { reference, metadata, requestedAt, reverses, schedule, bulk } = terms;
  const common = {
    ...(reference === undefined ? {} : { reference }),
    metadata,
    requested_at: requestedAt,
    ...(reverses === undefined ? {} : { reverses }),
    ...(schedule === undefined ? {} : { schedule }),
    ...(bulk === undefined ? {} : { bulk }),
  };
  if ('entries' in terms) {
    const entries = terms.entries.map(({ amount, ...rest }) => ({ ...rest, amount: amount.toString() }));
    return { kind: terms.kind, entries, ...common };
  }
  const { kind, source, destination, amount, currency, hold, approvalExpiresAt, scheduledFor, rail } = terms;
  return {
    kind,
    from: source,
    to: destination,
    amount: amount.toString(),
    currency,
    ...common,
    ...(hold === undefined ? {} : { hold }),
    ...(approvalExpiresAt === undefined ? {} : { approval_expires_at: approvalExpiresAt }),
    ...(scheduledFor === undefined ? {} : { scheduled_for: scheduledFor }),
    ...(rail === undefined ? {} : { rail }),
  };
}

function termsAfter(data: TermsData): TransferTerms {
  const { reference, metadata, requested_at: requestedAt, reverses, schedule, bulk } = data;
  const common = {
    ...(reference === undefined ? {} : { reference }),
    metadata,
    requestedAt,
    ...(reverses === undefined ? {} : { reverses }),
    ...(schedule === undefined ? {} : { schedule }),
    ...(bulk === undefined ? {} : { bulk }),
  };
  if ('entries' in data) {
    const entries = data.entries.map(({ amount, ...rest }) => ({ ...rest, amount: BigInt(amount) }));
    return { kind: data.kind, entries, ...common };
  }
  const { kind, from, to, amount, currency, hold, approval_expires_at, scheduled_for, rail } = data;
  return {
    kind,
    source: from,
    destination: to,
    amount: BigInt(amount),
    currency,
    ...common,
    ...(hold === undefined ? {} : { hold }),
    ...(approval_expires_at === undefined ? {} : { approvalExpiresAt: approval_expires_at }),
    ...(scheduled_for === undefined ? {} : { scheduledFor: scheduled_for }),
    ...(rail === undefined ? {} : { rail }),
  };
}

/** What an event of a transfer has to know of the one before it. */
export type Completion = { readonly completed_at: string; readonly workflow_id: string };

/**
 * The data of a transfer event.
 * @param completion when and by what the transfer was completed; asked for only by what happens after that
 */
export function transferEventData(event: TransferEvent, completion: () => Completion): EventData {
  const terms = termsData(event.terms);
  const reason = 'reason' in event && event.reason !== undefined ? { reason: event.reason } : {};
  switch (event.type) {
    case 'TransferExpired':
      return terms;
    case 'TransferRequested':
    case 'TransferApproved':
      return { ...terms, status: event.status, ...reason };
    case 'TransferParked':
    case 'TransferCompleted':
    case 'TransferCancelled':
      return { ...terms, ...reason };
    case 'TransferRejected': {
      const { rejection } = event;
      return rejection
        ? { ...terms, reason: rejection.code, detail: rejection.detail }
        : { ...terms, ...reason };
    }
    case 'TransferFailed':
      return { ...terms, reason: event.rejection.code, detail: event.rejection.detail };
    case 'TransferReversed': {
      const { reversal, amount, reversed } = event;
      return {
        ...terms,
        reversal: { id: reversal, amount: amount.toString() },
        reversed: reversed.toString(),
        ...completion(),
      };
    }
  }
  return unreachable(event);
}

/** What an event of a transfer says: all of the transfer that was so after it. */
export type TransferFact = Pick<TransferRecord, 'aggregateId' | 'time' | 'workflowId' | 'name' | 'data'>;

/** When and by what a transfer was completed, from its last event. */
export function completionOf({ name, data, time, workflowId }: TransferFact): Completion {
  if (name === 'TransferReversed') {
    const { completed_at, workflow_id } = data as EventData<'TransferReversed'>;
    return { completed_at, workflow_id };
  }
  return { completed_at: time, workflow_id: workflowId };
}

/** The transfer as it was after an event. */
export function transferAfter({ aggregateId, name, data }: TransferFact): ExistingTransfer {
  const status = 'status' in data ? { status: data.status } : {};
  return {
    id: aggregateId,
    status: statusAfter({ type: name, ...status }),
    terms: termsAfter(data),
    reversed: 'reversed' in data ? BigInt(data.reversed) : 0n,
    ...(name === 'TransferParked' ? { parked: true } : {}),
  };
}

/** The data of a hold event. */
export function holdEventData(event: HoldEvent): EventData {
  const { account, amount, currency, destination, reference, metadata, requestedAt } = event.terms;
  const data = {
    account,
    amount: amount.toString(),
    currency,
    ...(destination === undefined ? {} : { destination }),
    ...(reference === undefined ? {} : { reference }),
    metadata,
    requested_at: requestedAt,
    ...(event.expiresAt === undefined ? {} : { expires_at: event.expiresAt }),
  };
  switch (event.type) {
    case 'HoldCaptured':
      return { ...data, transfer: event.transfer, captured: event.captured.toString() };
    case 'HoldVoided':
      return event.reason === undefined ? data : { ...data, reason: event.reason };
    case 'HoldPlaced':
    case 'HoldExtended':
    case 'HoldExpired':
      return data;
  }
  return unreachable(event);
}

/** What an event of a hold says: all of the hold that was so after it. */
export type HoldFact = Pick<HoldRecord, 'aggregateId' | 'time' | 'workflowId' | 'name' | 'data'>;

/** The hold as it was after an event. */
export function holdAfter({ aggregateId, name, data }: HoldFact): ExistingHold {
  const { account, amount, currency, destination, reference, metadata, requested_at, expires_at } = data;
  return {
    id: aggregateId,
    status: holdStatusAfter(name),
    terms: {
      account,
      amount: BigInt(amount),
      currency,
      ...(destination === undefined ? {} : { destination }),
      ...(reference === undefined ? {} : { reference }),
      metadata,
      requestedAt: requested_at,
    },
    ...(expires_at === undefined ? {} : { expiresAt: expires_at }),
  };
}
