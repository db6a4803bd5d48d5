/**
 * A hold: money of an account that is set aside, and then captured, wholly or in part, or let go: voided, or expired.
 * It ends once; which end comes first, the order of the log decides.
 */
import { accept, reject, type Decider, type Decision } from './decider.ts';
import { assert, unreachable } from './assert.ts';
import type { Metadata } from './account.ts';
import { rejection } from './rejections.ts';

/** What was asked for; the same in every event of the hold. */
export type HoldTerms = {
  readonly account: string;
  /** Minor units, above zero. */
  readonly amount: bigint;
  readonly currency: string;
  /** Where a capture takes the money; the currency's world account if it is not given. */
  readonly destination?: string;
  readonly reference?: string;
  readonly metadata: Metadata;
  /** When the command arrived, RFC 3339. */
  readonly requestedAt: string;
};

export type HoldState = { readonly id: string } & (
  | { readonly status: 'none' }
  | {
      readonly status: 'active' | 'captured' | 'voided' | 'expired';
      readonly terms: HoldTerms;
      /** RFC 3339; a hold without it does not expire. */
      readonly expiresAt?: string;
    }
);

export type ExistingHold = Exclude<HoldState, { status: 'none' }>;

export type HoldCommand =
  | { readonly type: 'place'; readonly terms: HoldTerms; readonly expiresAt?: string }
  | {
      readonly type: 'capture';
      /** The transfer that moves the money. */
      readonly transfer: string;
      /** All that is held if it is not given; what a smaller one leaves is let go. */
      readonly amount?: bigint;
      /** The hold's own if it is not given. */
      readonly destination?: string;
    }
  | { readonly type: 'void'; readonly reason?: string }
  | { readonly type: 'extend'; readonly expiresAt: string }
  /** The time that a hold was known to expire at has come; it may have been extended since. */
  | { readonly type: 'expire'; readonly expiresAt: string };

export type HoldEvent = { readonly terms: HoldTerms; readonly expiresAt?: string } & (
  | { readonly type: 'HoldPlaced' | 'HoldExtended' | 'HoldExpired' }
  | { readonly type: 'HoldCaptured'; readonly transfer: string; readonly captured: bigint }
  | { readonly type: 'HoldVoided'; readonly reason?: string }
);

function decide(command: HoldCommand, state: HoldState): Decision<HoldEvent> {
  if (command.type === 'place') {
    assert(state.status === 'none', `hold ${state.id} is placed once`);
    const { terms, expiresAt } = command;
    return accept<HoldEvent>({
      type: 'HoldPlaced',
      terms,
      ...(expiresAt === undefined ? {} : { expiresAt }),
    });
  }
  if (state.status === 'none') {
    return reject(rejection('hold_not_found', `Hold ${state.id} does not exist.`));
  }
  const { status, terms, expiresAt } = state;
  const kept = { terms, ...(expiresAt === undefined ? {} : { expiresAt }) };
  if (command.type === 'expire') {
    const due = status === 'active' && expiresAt === command.expiresAt;
    return due ? accept<HoldEvent>({ type: 'HoldExpired', ...kept }) : accept();
  }
  if (status !== 'active') {
    return reject(rejection('hold_not_active', `Hold ${state.id} is ${status}.`));
  }
  switch (command.type) {
    case 'capture': {
      const captured = command.amount ?? terms.amount;
      if (captured > terms.amount) {
        const detail = `Hold ${state.id} has ${terms.amount}, less than ${captured}.`;
        return reject(rejection('amount_exceeds_hold', detail));
      }
      return accept<HoldEvent>({ type: 'HoldCaptured', ...kept, transfer: command.transfer, captured });
    }
    case 'void': {
      const reason = command.reason === undefined ? {} : { reason: command.reason };
      return accept<HoldEvent>({ type: 'HoldVoided', ...kept, ...reason });
    }
    case 'extend':
      // Nobody loses time by asking for less of it. A hold that would never expire gets the end that it is given.
      return expiresAt !== undefined && command.expiresAt <= expiresAt
        ? accept()
        : accept<HoldEvent>({ type: 'HoldExtended', terms, expiresAt: command.expiresAt });
  }
  return unreachable(command);
}

const STATUS_AFTER = {
  HoldPlaced: 'active',
  HoldExtended: 'active',
  HoldCaptured: 'captured',
  HoldVoided: 'voided',
  HoldExpired: 'expired',
} as const;

/** The status that an event leaves a hold in. */
export function holdStatusAfter(type: HoldEvent['type']): ExistingHold['status'] {
  return STATUS_AFTER[type];
}

function evolve(state: HoldState, { type, terms, expiresAt }: HoldEvent): HoldState {
  return {
    id: state.id,
    status: STATUS_AFTER[type],
    terms,
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

export const hold: Decider<HoldState, HoldCommand, HoldEvent> = {
  initialState: (id) => ({ id, status: 'none' }),
  decide,
  evolve,
};
