/** What happens to transfers, and to the accounts with them. */
import { assert } from './assert.ts';
import type { Decision } from './decider.ts';
import {
  eventsOf,
  validateTerms,
  movementsOf,
  errorDecision,
  reservation,
  decideAll,
  highestPrecedence,
  type LedgerDecision,
  type LedgerEvent,
  type LedgerView,
} from './posting.ts';
import { isRecorded, rejection, type Rejection } from './rejections.ts';
import {
  firstStatus,
  heldWhileWaiting,
  totalOf,
  transfer,
  type TransferCommand,
  type TransferState,
  type TransferTerms,
} from './transfer.ts';

/** What somebody, or a timer, does to a transfer that waits. */
export type TransferStep = Exclude<
  TransferCommand,
  { type: 'post' | 'request' | 'rejectByRule' | 'reverse' }
>;

export type Reversal = {
  readonly type: 'reversal';
  readonly id: string;
  readonly reverses: string;
  /** All that is left if it is not given. */
  readonly amount?: bigint;
  readonly terms: Pick<TransferTerms, 'reference' | 'metadata' | 'requestedAt'>;
};

/** An account that does not exist leaves no trace: the command named nothing. Every other rejection is recorded. */
export function decideTransfer(id: string, terms: TransferTerms, view: LedgerView): LedgerDecision {
  const waits = firstStatus(terms) !== undefined;
  const movement = decideAll(view, movementsOf(id, terms));
  const impossible = waits ? neverPossible(terms, movement) : movement.ok ? undefined : movement.rejection;
  const why = highestPrecedence(impossible, validateTerms(terms));
  if (why) return recordRejection(id, terms, { rejection: why, view });
  const first = eventsOf(
    'transfer',
    id,
    transfer.decide({ type: waits ? 'request' : 'post', terms }, view.transfer(id)),
  );
  if (!waits) {
    assert(movement.ok, 'a transfer posts only if all its accounts agree');
    return { events: [...movement.events, ...first] };
  }
  const held = decideAll(view, reservation(id, terms, 'hold'));
  if (!held.ok) return recordRejection(id, terms, { rejection: held.rejection, view });
  return { events: [...held.events, ...first] };
}

/** What may pass while a transfer waits does not stand against its beginning; the rest never passes. */
const MAY_PASS = new Set(['account_frozen', 'insufficient_funds', 'amount_overflow']);

function neverPossible(terms: TransferTerms, movement: Decision<LedgerEvent>): Rejection | undefined {
  if (movement.ok) return undefined;
  const waitsForDate = heldWhileWaiting(terms) === undefined;
  return waitsForDate && MAY_PASS.has(movement.rejection.code) ? undefined : movement.rejection;
}

function recordRejection(
  id: string,
  terms: TransferTerms,
  { rejection: why, view }: { rejection: Rejection; view: LedgerView },
): LedgerDecision {
  if (!isRecorded(why)) return errorDecision(why);
  const decision = transfer.decide({ type: 'rejectByRule', terms, rejection: why }, view.transfer(id));
  return { events: eventsOf('transfer', id, decision), rejection: why };
}

/** A reversal is a transfer the other way, and the original remembers it. */
export function decideReversal(command: Reversal, view: LedgerView): LedgerDecision {
  const { id, reverses } = command;
  const original = view.transfer(reverses);
  const withEntries = original.status !== 'none' && 'entries' in original.terms;
  const left = original.status === 'none' ? 0n : totalOf(original.terms) - original.reversed;
  const amount = command.amount ?? left;
  const reversed = transfer.decide({ type: 'reverse', reversal: id, amount }, original);
  if (original.status === 'none' || (!reversed.ok && !isRecorded(reversed.rejection))) {
    assert(!reversed.ok, 'what does not exist is not reversed');
    return errorDecision(reversed.rejection);
  }
  const terms = reversalTerms(command, { original: original.terms, amount });
  if (!reversed.ok) return recordRejection(id, terms, { rejection: reversed.rejection, view });
  if (withEntries && amount < left) {
    const detail = `Transfer ${reverses} has entries of its own and can only be reversed in full: leave out the amount.`;
    return recordRejection(id, terms, { rejection: rejection('amount_exceeds_transfer', detail), view });
  }
  const decision = decideTransfer(id, terms, view);
  if (decision.rejection) return decision;
  return { events: [...decision.events, ...eventsOf('transfer', reverses, reversed)] };
}

function reversalTerms(
  { reverses, terms }: Reversal,
  { original, amount }: { original: TransferTerms; amount: bigint },
): TransferTerms {
  if ('entries' in original) {
    const turned = { debit: 'credit', credit: 'debit' } as const;
    const entries = original.entries.map((entry) => ({ ...entry, direction: turned[entry.direction] }));
    return { kind: 'reversal', entries, ...terms, reverses };
  }
  const { source, destination, currency } = original;
  return { kind: 'reversal', source: destination, destination: source, amount, currency, ...terms, reverses };
}

/** A step of a transfer that waits: a person's decision, a timer's, or a rail's report. */
export function decideStep(id: string, step: TransferStep, view: LedgerView): LedgerDecision {
  const state = view.transfer(id);
  const decision = transfer.decide(step, state);
  if (!decision.ok) return errorDecision(decision.rejection);
  const own = eventsOf('transfer', id, decision);
  const [event] = decision.events;
  if (!event) return { events: [] };
  switch (event.type) {
    case 'TransferApproved': {
      const approved = transfer.evolve(state, event);
      // For its date, or for the rail.
      const waits = event.status === 'scheduled' || ('rail' in event.terms && event.terms.rail !== undefined);
      if (waits) return { events: own };
      const rest = complete(approved, view);
      return { ...rest, events: [...own, ...rest.events] };
    }
    case 'TransferCompleted':
      return step.type === 'resolve' ? resolve(state, step, view) : complete(state, view);
    case 'TransferParked':
      return { events: own };
    case 'TransferRejected':
    case 'TransferCancelled':
    case 'TransferExpired':
    case 'TransferFailed':
      // It ends without having moved anything: what it held is let go.
      return { events: [...releaseHeld(id, event.terms, view), ...own] };
    case 'TransferRequested':
    case 'TransferReversed':
      throw new Error(`${event.type} is no step`);
  }
}

/** What was held is let go and moved; or, if it cannot be moved any more, only let go. */
function complete(state: TransferState, view: LedgerView): LedgerDecision {
  assert(state.status !== 'none', `transfer ${state.id} has begun`);
  const { id, terms } = state;
  const moved = decideAll(view, [...reservation(id, terms, 'release'), ...movementsOf(id, terms)]);
  if (moved.ok) {
    return {
      events: [...moved.events, ...eventsOf('transfer', id, transfer.decide({ type: 'complete' }, state))],
    };
  }
  if (hasGoneOut(state)) {
    // Whatever stands against it, the money is out: to let it go would lose it.
    const { detail } = moved.rejection;
    const reason = `The rail has settled the payment, but the transfer cannot be posted: ${detail}`;
    return { events: eventsOf('transfer', id, transfer.decide({ type: 'park', reason }, state)) };
  }
  const failed = transfer.decide({ type: 'fail', rejection: moved.rejection }, state);
  return {
    events: [...releaseHeld(id, terms, view), ...eventsOf('transfer', id, failed)],
    rejection: moved.rejection,
  };
}

/** An operator is told what stands against it, and may ask again. */
function resolve(
  state: TransferState,
  command: Extract<TransferStep, { type: 'resolve' }>,
  view: LedgerView,
): LedgerDecision {
  assert(state.status !== 'none', `transfer ${state.id} has begun`);
  const { id, terms } = state;
  const moved = decideAll(view, [...reservation(id, terms, 'release'), ...movementsOf(id, terms)]);
  if (!moved.ok) return { events: [], rejection: moved.rejection };
  return { events: [...moved.events, ...eventsOf('transfer', id, transfer.decide(command, state))] };
}

function hasGoneOut({ status, terms }: Exclude<TransferState, { status: 'none' }>): boolean {
  return status === 'pending' && 'rail' in terms && terms.rail !== undefined;
}

function releaseHeld(id: string, terms: TransferTerms, view: LedgerView): readonly LedgerEvent[] {
  const released = decideAll(view, reservation(id, terms, 'release'));
  assert(released.ok, 'what was held can be let go');
  return released.events;
}
