/**
 * A transfer: money that moves from a source to a destination, or is refused.
 * A deposit is a transfer from the currency's world account, a withdrawal one to it.
 */
import { accept, type Decider, type Decision } from './decider.ts';
import { assert } from './assert.ts';
import type { Metadata } from './account.ts';
import type { Rejection } from './rejections.ts';

export type TransferKind = 'deposit' | 'withdrawal' | 'transfer';

/** What was asked for; the same in every event of the transfer. */
export type TransferTerms = {
  readonly kind: TransferKind;
  readonly source: string;
  readonly destination: string;
  /** Minor units, above zero. */
  readonly amount: bigint;
  readonly currency: string;
  readonly reference?: string;
  readonly metadata: Metadata;
  /** When the command arrived, RFC 3339. */
  readonly requestedAt: string;
};

export type TransferState = { readonly id: string } & (
  { readonly status: 'none' } | ({ readonly status: 'posted' | 'rejected' } & TransferTerms)
);

/** The outcome of the accounts' own decisions goes into the command: a transfer posts if both legs can. */
export type TransferCommand =
  | { readonly type: 'post'; readonly terms: TransferTerms }
  | { readonly type: 'refuse'; readonly terms: TransferTerms; readonly rejection: Rejection };

export type TransferEvent =
  | ({ readonly type: 'TransferCompleted' } & TransferTerms)
  | ({ readonly type: 'TransferRejected'; readonly rejection: Rejection } & TransferTerms);

function decide(command: TransferCommand, state: TransferState): Decision<TransferEvent> {
  assert(state.status === 'none', `transfer ${state.id} is decided once`);
  switch (command.type) {
    case 'post':
      return accept<TransferEvent>({ type: 'TransferCompleted', ...command.terms });
    case 'refuse':
      return accept<TransferEvent>({
        type: 'TransferRejected',
        rejection: command.rejection,
        ...command.terms,
      });
  }
}

function evolve(state: TransferState, event: TransferEvent): TransferState {
  const { type, ...terms } = event;
  return { id: state.id, status: type === 'TransferCompleted' ? 'posted' : 'rejected', ...terms };
}

export const transfer: Decider<TransferState, TransferCommand, TransferEvent> = {
  initialState: (id) => ({ id, status: 'none' }),
  decide,
  evolve,
};
