/**
 * A transfer: money that moves between accounts, now or after it has waited, or is rejected.
 * A deposit is a transfer from the currency's world account, a withdrawal one to it; the capture of a hold, a reversal,
 * and a transaction with many entries are transfers too.
 */
import { accept, reject, type Decider, type Decision } from './decider.ts';
import { assert } from './assert.ts';
import type { Metadata } from './account.ts';
import { rejection, type Rejection } from './rejections.ts';

export type TransferKind = 'deposit' | 'withdrawal' | 'transfer' | 'capture' | 'reversal';

/** One line of a transfer on an account. */
export type Entry = {
  readonly account: string;
  readonly direction: 'debit' | 'credit';
  /** Minor units, above zero. */
  readonly amount: bigint;
  readonly currency: string;
};

type Common = {
  readonly reference?: string;
  readonly metadata: Metadata;
  /** When the command arrived, RFC 3339. */
  readonly requestedAt: string;
  /** The transfer that this one undoes, wholly or in part. */
  readonly reverses?: string;
  /** The schedule that it is a firing of. */
  readonly schedule?: string;
  /** The bulk that it came in. */
  readonly bulk?: string;
};

/** What was asked for of a transfer between two accounts; the same in every event of the transfer. */
export type MovementTerms = Common & {
  readonly kind: TransferKind;
  readonly source: string;
  readonly destination: string;
  /** Minor units, above zero. */
  readonly amount: bigint;
  readonly currency: string;
  /** The hold that it captures. */
  readonly hold?: string;
  /** Given if somebody has to approve it: until when, RFC 3339. */
  readonly approvalExpiresAt?: string;
  /** Given if it is to happen later: when, RFC 3339. */
  readonly scheduledFor?: string;
  /** Given if the money goes out through a payment rail: which. */
  readonly rail?: string;
};

/** What was asked for of a transfer with entries of its own. */
export type TransactionTerms = Common & {
  readonly kind: 'transaction' | 'reversal';
  readonly entries: readonly Entry[];
};

export type TransferTerms = MovementTerms | TransactionTerms;

/** Why it waits. `scheduled`: for its date; `pending`: for the world outside. */
export type WaitingStatus = 'awaiting_approval' | 'scheduled' | 'pending';
export type TransferStatus = WaitingStatus | 'posted' | 'rejected' | 'cancelled' | 'expired' | 'failed';

export type TransferState = { readonly id: string } & (
  | { readonly status: 'none' }
  | {
      readonly status: TransferStatus;
      readonly terms: TransferTerms;
      /** How much of it reversals have undone, in minor units. */
      readonly reversed: bigint;
      /** True if nobody knows what became of it outside: an operator has to say. */
      readonly parked?: true;
    }
);

/** A transfer that has begun. */
export type ExistingTransfer = Exclude<TransferState, { status: 'none' }>;

/** Given if a rail says so, and not the transfer's own workflow. */
type RailOrigin = { readonly rail?: string };

/** The outcome of the accounts' own decisions goes into the command: a transfer posts if all its entries can. */
export type TransferCommand =
  | { readonly type: 'post' | 'request'; readonly terms: TransferTerms }
  | { readonly type: 'rejectByRule'; readonly terms: TransferTerms; readonly rejection: Rejection }
  /** `at`: when, RFC 3339. A date that has come by then is not waited for. */
  | { readonly type: 'approve'; readonly at: string; readonly reason?: string }
  | { readonly type: 'reject' | 'cancel'; readonly reason?: string }
  | { readonly type: 'expire' }
  | ({ readonly type: 'complete' } & RailOrigin)
  | ({ readonly type: 'fail'; readonly rejection: Rejection } & RailOrigin)
  | ({ readonly type: 'park'; readonly reason: string } & RailOrigin)
  /** An operator has found out what became of it. */
  | { readonly type: 'resolve'; readonly outcome: 'completed' | 'failed'; readonly reason?: string }
  | { readonly type: 'reverse'; readonly reversal: string; readonly amount: bigint };

export type TransferEvent = { readonly terms: TransferTerms } & (
  | { readonly type: 'TransferRequested'; readonly status: WaitingStatus }
  | { readonly type: 'TransferApproved'; readonly status: WaitingStatus; readonly reason?: string }
  /** Nobody knows what became of it outside: it waits for an operator. */
  | { readonly type: 'TransferParked'; readonly reason: string }
  /** `reason`: what an operator wrote who resolved it. */
  | { readonly type: 'TransferCompleted'; readonly reason?: string }
  /** By the rules (`rejection`), or by a person (`reason`). */
  | { readonly type: 'TransferRejected'; readonly rejection?: Rejection; readonly reason?: string }
  | { readonly type: 'TransferCancelled'; readonly reason?: string }
  | { readonly type: 'TransferExpired' }
  | { readonly type: 'TransferFailed'; readonly rejection: Rejection }
  | {
      readonly type: 'TransferReversed';
      readonly reversal: string;
      readonly amount: bigint;
      /** All that has been undone by now. */
      readonly reversed: bigint;
    }
);

/** The lines of a transfer. Credits of a transaction come first, so that only what it leaves behind must be covered. */
export function entriesOf(terms: TransferTerms): readonly Entry[] {
  if ('entries' in terms) {
    const credits = terms.entries.filter(({ direction }) => direction === 'credit');
    return [...credits, ...terms.entries.filter(({ direction }) => direction === 'debit')];
  }
  const { source, destination, amount, currency } = terms;
  return [
    { account: source, direction: 'debit', amount, currency },
    { account: destination, direction: 'credit', amount, currency },
  ];
}

/** What a transfer moves in total: the amount, or all that the entries debit. Only compared with what was reversed. */
export function totalOf(terms: TransferTerms): bigint {
  if (!('entries' in terms)) return terms.amount;
  return terms.entries.reduce(
    (sum, { direction, amount }) => (direction === 'debit' ? sum + amount : sum),
    0n,
  );
}

/** What it waits for first; undefined if it happens at once. */
export function firstStatus(terms: TransferTerms): WaitingStatus | undefined {
  if ('entries' in terms) return undefined;
  if (terms.approvalExpiresAt !== undefined) return 'awaiting_approval';
  if (terms.scheduledFor !== undefined) return 'scheduled';
  return terms.rail === undefined ? undefined : 'pending';
}

/**
 * What it holds of the source's money while it waits: all of it if somebody decides, so that the money is there when the
 * decision comes. A transfer that only waits for its date holds nothing: what is there on that day counts.
 */
export function heldWhileWaiting(terms: TransferTerms): Entry | undefined {
  if ('entries' in terms || (terms.approvalExpiresAt === undefined && terms.rail === undefined))
    return undefined;
  const { source: account, amount, currency } = terms;
  return { account, direction: 'debit', amount, currency };
}

/** True for a transfer that has not come to its end. */
export function isWaiting(status: TransferState['status']): status is WaitingStatus {
  return status === 'awaiting_approval' || status === 'scheduled' || status === 'pending';
}

function decide(command: TransferCommand, state: TransferState): Decision<TransferEvent> {
  switch (command.type) {
    case 'post':
    case 'request':
    case 'rejectByRule':
      return decideFirst(command, state);
    case 'reverse':
      return state.status === 'none' ? notFound(state) : decideReverse(command, state);
    case 'approve':
    case 'reject':
    case 'cancel':
      return state.status === 'none' ? notFound(state) : decideByPerson(command, state);
    case 'complete':
    case 'expire':
    case 'fail':
    case 'park':
      return state.status === 'none' ? notFound(state) : decideStep(command, state);
    case 'resolve':
      return state.status === 'none' ? notFound(state) : decideResolve(command, state);
  }
}

function notFound({ id }: TransferState): Decision<TransferEvent> {
  return reject(rejection('transfer_not_found', `Transfer ${id} does not exist.`));
}

/** Timers and rails say these, and a worker that was killed may say them twice: then they change nothing. */
function decideStep(
  command: Extract<TransferCommand, { type: 'complete' | 'expire' | 'fail' | 'park' }>,
  state: ExistingTransfer,
): Decision<TransferEvent> {
  const { status, terms, parked } = state;
  const foreign = command.type === 'expire' ? undefined : rejectForeignRail(state, command);
  if (foreign) return reject(foreign);
  switch (command.type) {
    case 'complete':
      // What nobody has approved does not move, whatever a timer says.
      return status === 'scheduled' || status === 'pending'
        ? accept<TransferEvent>({ type: 'TransferCompleted', terms })
        : accept();
    case 'expire':
      return status === 'awaiting_approval'
        ? accept<TransferEvent>({ type: 'TransferExpired', terms })
        : accept();
    case 'fail': {
      const { rejection: why } = command;
      return isWaiting(status)
        ? accept<TransferEvent>({ type: 'TransferFailed', terms, rejection: why })
        : accept();
    }
    case 'park':
      return status === 'pending' && parked === undefined
        ? accept<TransferEvent>({ type: 'TransferParked', terms, reason: command.reason })
        : accept();
  }
}

/** A rail speaks for what it was given, and for nothing else. */
function rejectForeignRail(
  { id, status, terms }: ExistingTransfer,
  { rail }: RailOrigin,
): Rejection | undefined {
  if (rail === undefined) return undefined;
  if ('entries' in terms || terms.rail !== rail) {
    return rejection('transfer_not_found', `Transfer ${id} was not sent to the rail ${rail}.`);
  }
  return status === 'awaiting_approval' || status === 'scheduled'
    ? rejection('transfer_not_pending', `Transfer ${id} is ${status}: it has not been sent to its rail.`)
    : undefined;
}

/** An operator decides on what nobody else will: as long as the rail may answer, its word counts. */
function decideResolve(
  { outcome, reason }: Extract<TransferCommand, { type: 'resolve' }>,
  { id, status, terms, parked }: ExistingTransfer,
): Decision<TransferEvent> {
  if (parked === undefined) {
    const why =
      status === 'pending' ? 'its rail may still report the outcome' : 'there is nothing to resolve';
    return reject(rejection('transfer_not_pending', `Transfer ${id} is ${status}: ${why}.`));
  }
  if (outcome === 'completed') {
    const reasonField = reason === undefined ? {} : { reason };
    return accept<TransferEvent>({ type: 'TransferCompleted', terms, ...reasonField });
  }
  const detail = reason ?? 'An operator resolved the transfer as failed.';
  const why = rejection('resolved_as_failed', detail);
  return accept<TransferEvent>({ type: 'TransferFailed', terms, rejection: why });
}

function decideFirst(
  command: Extract<TransferCommand, { type: 'post' | 'request' | 'rejectByRule' }>,
  state: TransferState,
): Decision<TransferEvent> {
  assert(state.status === 'none', `transfer ${state.id} begins once`);
  const { terms } = command;
  switch (command.type) {
    case 'post':
      return accept<TransferEvent>({ type: 'TransferCompleted', terms });
    case 'request': {
      const status = firstStatus(terms);
      assert(status !== undefined, `transfer ${state.id} has something to wait for`);
      return accept<TransferEvent>({ type: 'TransferRequested', terms, status });
    }
    case 'rejectByRule':
      return accept<TransferEvent>({ type: 'TransferRejected', terms, rejection: command.rejection });
  }
}

/** What people say to a transfer that waits. Once the money is on its way, nobody can call it back. */
function decideByPerson(
  command: Extract<TransferCommand, { type: 'approve' | 'reject' | 'cancel' }>,
  { id, status, terms }: ExistingTransfer,
): Decision<TransferEvent> {
  const open = status === 'awaiting_approval' || (status === 'scheduled' && command.type === 'cancel');
  if (!open) {
    const detail = `Transfer ${id} is ${status}: this step is not possible.`;
    return reject(rejection('transfer_not_pending', detail));
  }
  const reason = command.reason === undefined ? {} : { reason: command.reason };
  switch (command.type) {
    case 'approve': {
      const date = 'entries' in terms ? undefined : terms.scheduledFor;
      const next = date !== undefined && date > command.at ? 'scheduled' : 'pending';
      return accept<TransferEvent>({ type: 'TransferApproved', terms, status: next, ...reason });
    }
    case 'reject':
      return accept<TransferEvent>({ type: 'TransferRejected', terms, ...reason });
    case 'cancel':
      return accept<TransferEvent>({ type: 'TransferCancelled', terms, ...reason });
  }
}

function decideReverse(
  { reversal, amount }: Extract<TransferCommand, { type: 'reverse' }>,
  state: ExistingTransfer,
): Decision<TransferEvent> {
  const { id, status, terms } = state;
  if (status !== 'posted') {
    return reject(
      rejection('transfer_not_posted', `Transfer ${id} is ${status}: there is nothing to reverse.`),
    );
  }
  const left = totalOf(terms) - state.reversed;
  if (left === 0n)
    return reject(rejection('already_reversed', `Transfer ${id} has already been reversed in full.`));
  if (amount > left) {
    const detail = `Of transfer ${id}, ${left} can still be reversed, less than ${amount}.`;
    return reject(rejection('amount_exceeds_transfer', detail));
  }
  const reversed = state.reversed + amount;
  return accept<TransferEvent>({ type: 'TransferReversed', terms, reversal, amount, reversed });
}

const STATUS_AFTER = {
  TransferParked: 'pending',
  TransferCompleted: 'posted',
  TransferRejected: 'rejected',
  TransferCancelled: 'cancelled',
  TransferExpired: 'expired',
  TransferFailed: 'failed',
  TransferReversed: 'posted',
} as const;

/** The status that an event leaves a transfer in. */
export function statusAfter(event: { type: TransferEvent['type']; status?: WaitingStatus }): TransferStatus {
  if (event.type !== 'TransferRequested' && event.type !== 'TransferApproved')
    return STATUS_AFTER[event.type];
  assert(event.status !== undefined, `${event.type} says what it waits for`);
  return event.status;
}

function evolve(state: TransferState, event: TransferEvent): TransferState {
  const reversed = event.type === 'TransferReversed' ? event.reversed : 0n;
  const parked = event.type === 'TransferParked' ? { parked: true as const } : {};
  return { id: state.id, status: statusAfter(event), terms: event.terms, reversed, ...parked };
}

export const transfer: Decider<TransferState, TransferCommand, TransferEvent> = {
  initialState: (id) => ({ id, status: 'none' }),
  decide,
  evolve,
};
