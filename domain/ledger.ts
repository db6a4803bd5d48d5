/**
 * The ledger: what a command means for all the aggregates that it touches, decided at once.
 * A transfer is its accounts' decisions and its own; either all their events are appended, or none.
 */
import { account, type AccountCommand } from './account.ts';
import type { HoldCommand } from './hold.ts';
import { accountsOfHold, decideHold, placeHold } from './ledger-holds.ts';
import {
  decideReversal,
  decideStep,
  decideTransfer,
  type Reversal,
  type TransferStep,
} from './ledger-transfers.ts';
import { accountsOfTerms, errorDecision, type LedgerDecision, type LedgerView } from './posting.ts';
import { rejection } from './rejections.ts';
import type { TransferTerms } from './transfer.ts';

export type { LedgerDecision, LedgerEvent, LedgerView } from './posting.ts';

export type Command =
  | {
      readonly type: 'account';
      readonly id: string;
      readonly command: AccountCommand;
      /** The version that the account must have. */
      readonly ifVersion?: number;
    }
  | { readonly type: 'transfer'; readonly id: string; readonly terms: TransferTerms }
  | Reversal
  | { readonly type: 'step'; readonly id: string; readonly step: TransferStep }
  | { readonly type: 'hold'; readonly id: string; readonly step: HoldCommand; readonly at: string };

/** The transfer or the hold that a command needs to see; a transfer that it begins is not there yet. */
export function subjectOf(command: Command): { aggregate: 'transfer' | 'hold'; id: string } | undefined {
  switch (command.type) {
    case 'account':
    case 'transfer':
      return undefined;
    case 'reversal':
      return { aggregate: 'transfer', id: command.reverses };
    case 'step':
      return { aggregate: 'transfer', id: command.id };
    case 'hold':
      return command.step.type === 'place' ? undefined : { aggregate: 'hold', id: command.id };
  }
}

/** The transfer or the hold that a command makes. */
export function beginningOf(command: Command): { aggregate: 'transfer' | 'hold'; id: string } | undefined {
  if (command.type === 'transfer' || command.type === 'reversal') {
    return { aggregate: 'transfer', id: command.id };
  }
  if (command.type !== 'hold') return undefined;
  const { id, step } = command;
  if (step.type === 'place') return { aggregate: 'hold', id };
  return step.type === 'capture' ? { aggregate: 'transfer', id: step.transfer } : undefined;
}

/** The accounts that a command needs to see. Its subject must be there to be seen. */
export function accountsOf(command: Command, view: Pick<LedgerView, 'transfer' | 'hold'>): readonly string[] {
  switch (command.type) {
    case 'account':
      return [command.id];
    case 'transfer':
      return accountsOfTerms(command.terms);
    case 'reversal':
    case 'step': {
      const state = view.transfer(command.type === 'step' ? command.id : command.reverses);
      return state.status === 'none' ? [] : accountsOfTerms(state.terms);
    }
    case 'hold':
      return accountsOfHold(command.id, command.step, view);
  }
}

/** Decides a command. Pure: the same command over the same view gives the same decision. */
export function decide(command: Command, view: LedgerView): LedgerDecision {
  switch (command.type) {
    case 'account':
      return decideAccount(command, view);
    case 'transfer':
      return decideTransfer(command.id, command.terms, view);
    case 'reversal':
      return decideReversal(command, view);
    case 'step':
      return decideStep(command.id, command.step, view);
    case 'hold':
      return command.step.type === 'place'
        ? placeHold(command.id, command.step, view)
        : decideHold(command, command.step, view);
  }
}

function decideAccount(command: Extract<Command, { type: 'account' }>, view: LedgerView): LedgerDecision {
  const { id, ifVersion } = command;
  const state = view.account(id);
  const version = view.version(id);
  if (state.status !== 'none' && ifVersion !== undefined && ifVersion !== version) {
    const detail = `Account ${id} is at version ${version}, not ${ifVersion}.`;
    return errorDecision(rejection('version_mismatch', detail));
  }
  const decision = account.decide(command.command, state);
  if (!decision.ok) return errorDecision(decision.rejection);
  return { events: decision.events.map((event) => ({ aggregate: 'account', id, event })) };
}
