/** What happens to holds, and to the accounts with them. */
import { worldAccount } from './account.ts';
import { assert } from './assert.ts';
import { hold, type HoldCommand, type HoldEvent } from './hold.ts';
import {
  eventsOf,
  validateTerms,
  movementsOf,
  errorDecision,
  decideAll,
  highestPrecedence,
  type AccountStep,
  type LedgerDecision,
  type LedgerView,
} from './posting.ts';
import { rejection } from './rejections.ts';
import { transfer, type MovementTerms } from './transfer.ts';

/** The accounts that a step of a hold needs to see; with those of its placing, all that its capture needs. */
export function accountsOfHold(
  id: string,
  step: HoldCommand,
  view: Pick<LedgerView, 'hold'>,
): readonly string[] {
  if (step.type === 'place') {
    const { account: held, currency, destination = worldAccount(currency) } = step.terms;
    return [held, destination];
  }
  const state = view.hold(id);
  // It may be placed by a command that is decided just before this one.
  const own = step.type === 'capture' && step.destination !== undefined ? [step.destination] : [];
  if (state.status === 'none') return own;
  const { account: held, currency, destination = worldAccount(currency) } = state.terms;
  return [held, destination, ...own];
}

/** A hold is placed if its account can spare the money, and its destination could take it. */
export function placeHold(
  id: string,
  step: Extract<HoldCommand, { type: 'place' }>,
  view: LedgerView,
): LedgerDecision {
  const { account: held, amount, currency, destination } = step.terms;
  const reserved = decideAll(view, [
    { id: held, command: { type: 'hold', purpose: { hold: id }, amount, currency } },
  ]);
  const deposited =
    destination === undefined
      ? undefined
      : decideAll(view, [{ id: destination, command: { type: 'deposit', transfer: id, amount, currency } }]);
  const same =
    destination === held
      ? rejection('same_account', `The account and the destination are both ${held}.`)
      : undefined;
  const why = highestPrecedence(
    reserved.ok ? undefined : reserved.rejection,
    deposited?.ok === false ? deposited.rejection : undefined,
    same,
  );
  if (why) return errorDecision(why);
  assert(reserved.ok, 'a hold is placed only if its account agrees');
  return { events: [...reserved.events, ...eventsOf('hold', id, hold.decide(step, view.hold(id)))] };
}

/** A hold goes on, or ends: its money is let go, and moved if it is captured. */
export function decideHold(
  { id, at }: { readonly id: string; readonly at: string },
  step: Exclude<HoldCommand, { type: 'place' }>,
  view: LedgerView,
): LedgerDecision {
  const state = view.hold(id);
  const decision = hold.decide(step, state);
  if (!decision.ok) return errorDecision(decision.rejection);
  const own = eventsOf('hold', id, decision);
  const [event] = decision.events;
  if (!event || event.type === 'HoldExtended') return { events: own };
  const { account: held, amount, currency } = event.terms;
  const release: AccountStep = {
    id: held,
    command: { type: 'release', purpose: { hold: id }, amount, currency },
  };
  if (event.type !== 'HoldCaptured') {
    const released = decideAll(view, [release]);
    assert(released.ok, 'what was held can be let go');
    return { events: [...released.events, ...own] };
  }
  assert(step.type === 'capture', 'only a capture captures');
  const terms = captureTerms(id, { event, step, at });
  const moved = decideAll(view, [release, ...movementsOf(event.transfer, terms)]);
  const why = highestPrecedence(moved.ok ? undefined : moved.rejection, validateTerms(terms));
  if (why) return errorDecision(why);
  assert(moved.ok, 'a capture moves money only if both accounts agree');
  const posted = transfer.decide({ type: 'post', terms }, view.transfer(event.transfer));
  return { events: [...moved.events, ...eventsOf('transfer', event.transfer, posted), ...own] };
}

function captureTerms(
  id: string,
  {
    event,
    step,
    at,
  }: {
    event: Extract<HoldEvent, { type: 'HoldCaptured' }>;
    step: Extract<HoldCommand, { type: 'capture' }>;
    at: string;
  },
): MovementTerms {
  const { account: source, currency, reference, metadata } = event.terms;
  return {
    kind: 'capture',
    source,
    destination: captureDestination(event.terms, step),
    amount: event.captured,
    currency,
    ...(reference === undefined ? {} : { reference }),
    metadata,
    requestedAt: at,
    hold: id,
  };
}

function captureDestination(
  terms: { destination?: string; currency: string },
  step: Extract<HoldCommand, { type: 'capture' }>,
): string {
  return step.destination ?? terms.destination ?? worldAccount(terms.currency);
}
