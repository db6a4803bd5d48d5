/** What a ledger's events are, and how several accounts agree on a movement: all of them, or none. */
import { account, type AccountCommand, type AccountEvent, type AccountState } from './account.ts';
import { assert } from './assert.ts';
import { accept, reject, type Decision } from './decider.ts';
import type { HoldEvent, HoldState } from './hold.ts';
import { firstOf, rejection, type Rejection } from './rejections.ts';
import {
  entriesOf,
  heldWhileWaiting,
  type TransferEvent,
  type TransferState,
  type TransferTerms,
} from './transfer.ts';

export type LedgerEvent =
  | { readonly aggregate: 'account'; readonly id: string; readonly event: AccountEvent }
  | { readonly aggregate: 'transfer'; readonly id: string; readonly event: TransferEvent }
  | { readonly aggregate: 'hold'; readonly id: string; readonly event: HoldEvent };

/** How `decide` sees the ledger as it is now. */
export type LedgerView = {
  readonly account: (id: string) => AccountState;
  /** The version of an account: the number of its events. */
  readonly version: (id: string) => number;
  readonly transfer: (id: string) => TransferState;
  readonly hold: (id: string) => HoldState;
};

export type LedgerDecision = {
  /** What to append; none if the command fails with an error, or asks for what is so already. */
  readonly events: readonly LedgerEvent[];
  /** Why it is rejected, if it is. With events the rejection is recorded; without, it is an error. */
  readonly rejection?: Rejection;
};

export type AccountStep = { readonly id: string; readonly command: AccountCommand };

/** The steps that move a transfer's money. */
export function movementsOf(id: string, terms: TransferTerms): AccountStep[] {
  return entriesOf(terms).map(({ account: at, direction, amount, currency }) => {
    const type = direction === 'debit' ? 'withdraw' : 'deposit';
    return { id: at, command: { type, transfer: id, amount, currency } };
  });
}

/** The step that holds what a transfer needs while it waits, or lets it go; none if it holds nothing. */
export function reservation(id: string, terms: TransferTerms, type: 'hold' | 'release'): AccountStep[] {
  const held = heldWhileWaiting(terms);
  if (!held) return [];
  const { account: at, amount, currency } = held;
  return [{ id: at, command: { type, purpose: { transfer: id }, amount, currency } }];
}

/** Decides steps on accounts, each on what those before it leave behind. All of them happen, or none. */
export function decideAll(
  view: Pick<LedgerView, 'account'>,
  steps: readonly AccountStep[],
): Decision<LedgerEvent> {
  const states = new Map<string, AccountState>();
  const events: LedgerEvent[] = [];
  let why: Rejection | undefined;
  for (const { id, command } of steps) {
    const state = states.get(id) ?? view.account(id);
    const decision = account.decide(command, state);
    if (!decision.ok) {
      why = highestPrecedence(why, decision.rejection);
      continue;
    }
    states.set(id, decision.events.reduce(account.evolve, state));
    for (const event of decision.events) events.push({ aggregate: 'account', id, event });
  }
  return why ? reject(why) : accept(...events);
}

/** The one of several rejections that goes first. */
export function highestPrecedence(...rejections: (Rejection | undefined)[]): Rejection | undefined {
  const all = rejections.filter((one) => one !== undefined);
  return all.length === 0 ? undefined : all.reduce(firstOf);
}

/** An error: a negative decision that leaves no trace in the log. */
export function errorDecision(why: Rejection): LedgerDecision {
  return { events: [], rejection: why };
}

/** The accounts that a transfer touches. */
export function accountsOfTerms(terms: TransferTerms): readonly string[] {
  return 'entries' in terms ? terms.entries.map(({ account: id }) => id) : [terms.source, terms.destination];
}

/** What is wrong with the terms themselves. */
export function validateTerms(terms: TransferTerms): Rejection | undefined {
  if (!('entries' in terms)) {
    return terms.source === terms.destination
      ? rejection('same_account', `The source and the destination are both ${terms.source}.`)
      : undefined;
  }
  const sums = new Map<string, bigint>();
  for (const { direction, amount, currency } of terms.entries) {
    sums.set(currency, (sums.get(currency) ?? 0n) + (direction === 'credit' ? amount : -amount));
  }
  const [first] = [...sums].filter(([, sum]) => sum !== 0n);
  if (first) {
    const [currency, sum] = first;
    const more = sum > 0n ? 'credits exceed the debits' : 'debits exceed the credits';
    const detail = `In ${currency} the ${more} by ${sum > 0n ? sum : -sum}.`;
    return rejection('entries_unbalanced', detail);
  }
  return undefined;
}

/** The events of a decision that cannot be a rejection. */
export function eventsOf(aggregate: 'transfer', id: string, decision: Decision<TransferEvent>): LedgerEvent[];
export function eventsOf(aggregate: 'hold', id: string, decision: Decision<HoldEvent>): LedgerEvent[];
export function eventsOf(
  aggregate: 'transfer' | 'hold',
  id: string,
  decision: Decision<TransferEvent | HoldEvent>,
): LedgerEvent[] {
  assert(decision.ok, `what happens to ${aggregate} ${id} was decided with what it happens to`);
  return decision.events.map((event) => ({ aggregate, id, event }) as LedgerEvent);
}
