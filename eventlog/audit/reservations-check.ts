/**
 * Checks that money is held for something: what begins to hold is held for in its batch, what is held is released once
 * and whole, and then what it was held for ends. Only what is held is remembered.
 */
import { heldWhileWaiting } from '../../domain/transfer.ts';
import type { RecordedEvent } from '../../contracts/events.ts';
import { locationOf } from './batch-check.ts';
import { AuditError, type Location } from './finding.ts';
import { isTransferEvent, termsOf } from './event-rules.ts';

/** Money of an account. */
type Part = { readonly account: string; readonly amount: string; readonly currency: string };

export class ReservationsCheck {
  /** What is held, by what it is held for. */
  readonly #held = new Map<string, Part>();
  /** Of the batch that is open: what is held for something that has not begun yet. */
  readonly #early = new Map<string, Location>();
  /** Of the batch that is open: what was released of something that has not ended yet. */
  readonly #late = new Map<string, Location>();

  add(event: RecordedEvent): void {
    if (event.name === 'FundsHeld') return this.#hold(event);
    if (event.name === 'FundsReleased') return this.#release(event);
    const purpose = `${event.aggregate}/${event.aggregateId}`;
    if (event.name === 'HoldPlaced' || event.name === 'TransferRequested') {
      return this.#begin(purpose, neededFor(event));
    }
    if (!ENDS.has(event.name)) return;
    const held = this.#held.get(purpose);
    if (held) throw new AuditError('reservation', `${purpose} ends, but ${text(held)} is still held for it`);
    this.#late.delete(purpose);
  }

  /** A batch ends here. */
  endBatch(): void {
    for (const [purpose, location] of this.#early) {
      throw new AuditError(
        'reservation',
        `money is held for ${purpose}, which does not begin in its batch`,
        location,
      );
    }
    for (const [purpose, location] of this.#late) {
      throw new AuditError(
        'reservation',
        `money is released of ${purpose}, which does not end in its batch`,
        location,
      );
    }
  }

  #hold(event: RecordedEvent<'FundsHeld'>): void {
    const purpose = purposeOf(event);
    if (this.#held.has(purpose)) throw new AuditError('reservation', `money is held for ${purpose} already`);
    this.#held.set(purpose, partOf(event));
    this.#early.set(purpose, locationOf(event));
  }

  #release(event: RecordedEvent<'FundsReleased'>): void {
    const purpose = purposeOf(event);
    const part = partOf(event);
    const held = this.#held.get(purpose);
    if (!held) throw new AuditError('reservation', `nothing is held for ${purpose}`);
    if (!same(held, part)) {
      throw new AuditError(
        'reservation',
        `it releases ${text(part)}, but ${text(held)} is held for ${purpose}`,
      );
    }
    this.#held.delete(purpose);
    this.#late.set(purpose, locationOf(event));
  }

  #begin(purpose: string, needed: Part | undefined): void {
    const held = this.#early.has(purpose) ? this.#held.get(purpose) : undefined;
    if (!needed && held) {
      throw new AuditError('reservation', `${purpose} needs nothing, but ${text(held)} is held for it`);
    }
    if (needed && !(held && same(held, needed))) {
      const is = held ? text(held) : 'nothing';
      throw new AuditError(
        'reservation',
        `${purpose} needs ${text(needed)}, but ${is} is held for it in its batch`,
      );
    }
    this.#early.delete(purpose);
  }
}

/** After these nothing is held any more. */
const ENDS: ReadonlySet<RecordedEvent['name']> = new Set([
  'TransferCompleted',
  'TransferRejected',
  'TransferCancelled',
  'TransferExpired',
  'TransferFailed',
  'HoldCaptured',
  'HoldVoided',
  'HoldExpired',
]);

function neededFor(event: RecordedEvent<'HoldPlaced' | 'TransferRequested'>): Part | undefined {
  if (!isTransferEvent(event)) return event.data;
  const needed = heldWhileWaiting(termsOf(event));
  return needed && { ...needed, amount: needed.amount.toString() };
}

function purposeOf({ data }: RecordedEvent<'FundsHeld' | 'FundsReleased'>): string {
  const { hold, transfer } = data;
  if ((hold === undefined) === (transfer === undefined)) {
    throw new AuditError('reservation', 'it names neither a hold nor a transfer, or both');
  }
  return hold === undefined ? `transfer/${transfer}` : `hold/${hold}`;
}

function partOf({ aggregateId, data }: RecordedEvent<'FundsHeld' | 'FundsReleased'>): Part {
  // A copy: an id that is cut out of a subject would keep all of that in memory.
  const account = Buffer.from(aggregateId).toString();
  return { account, amount: data.amount, currency: data.currency };
}

function same(a: Part, b: Part): boolean {
  return a.account === b.account && a.amount === b.amount && a.currency === b.currency;
}

function text({ account, amount, currency }: Part): string {
  return `${amount} ${currency} of ${account}`;
}
