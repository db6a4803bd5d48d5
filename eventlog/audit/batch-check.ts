/** Checks that atomic batches are whole, and that within each one money is taken and given alike. */
import type { RecordedEvent } from '../../contracts/events.ts';
import { AuditError, type Location } from './finding.ts';
import { legOf, promisedLegs, type Leg } from './event-rules.ts';

type Located<Thing> = { readonly thing: Thing; readonly location: Location };

/** What one transfer has in the batch that is open. */
type Parts = { readonly legs: Located<Leg>[]; promise?: Located<readonly Leg[]> };

export class BatchCheck {
  #open: { readonly id: string; readonly first: Location; sequence: number } | undefined;
  readonly #transfers = new Map<string, Parts>();
  /** Batches that were whole; an event that was appended alone counts as one. */
  count = 0;

  /** @returns whether the event ends its batch */
  add(event: RecordedEvent): boolean {
    const ends = this.#position(event);
    this.#note(event);
    if (ends) {
      this.count += 1;
      this.#open = undefined;
      if (this.#transfers.size > 0) {
        for (const [transfer, parts] of this.#transfers) balance(transfer, parts);
        this.#transfers.clear();
      }
    }
    return ends;
  }

  /** The log ends here. */
  end(): void {
    if (!this.#open) return;
    const { id, first } = this.#open;
    throw new AuditError('batch', `the batch ${id} begins with it and has no end`, first);
  }

  #position(event: RecordedEvent): boolean {
    const { batch } = event;
    const open = this.#open;
    if (!batch) {
      if (open)
        throw new AuditError('batch', `it is in the middle of the batch ${open.id}, but belongs to none`);
      return true;
    }
    if (open && batch.id !== open.id) {
      throw new AuditError('batch', `it is of the batch ${batch.id}, but the batch ${open.id} has not ended`);
    }
    const due = (open?.sequence ?? 0) + 1;
    if (batch.sequence !== due) {
      throw new AuditError(
        'batch',
        `it is number ${batch.sequence} of the batch ${batch.id}, where ${due} is due`,
      );
    }
    if (open) open.sequence = due;
    // An id that is part of a longer text keeps that in memory; the batch is soon over.
    else this.#open = { id: batch.id, first: locationOf(event), sequence: due };
    return batch.last;
  }

  #note(event: RecordedEvent): void {
    const leg = legOf(event);
    if (leg) this.#parts(leg.transfer).legs.push({ thing: leg, location: locationOf(event) });
    const promised = promisedLegs(event);
    if (promised) this.#parts(event.aggregateId).promise = { thing: promised, location: locationOf(event) };
  }

  #parts(transfer: string): Parts {
    const known = this.#transfers.get(transfer);
    if (known) return known;
    const parts: Parts = { legs: [] };
    this.#transfers.set(transfer, parts);
    return parts;
  }
}

/** Every movement is promised by a transfer, every promise is kept, and so what is debited is credited. */
function balance(transfer: string, { legs, promise }: Parts): void {
  const [first] = legs;
  if (!promise) {
    throw new AuditError(
      'transfer',
      `it moves money for the transfer ${transfer}, which does not complete in the same batch`,
      first?.location,
    );
  }
  const open = [...promise.thing];
  for (const { thing, location } of legs) {
    const at = open.findIndex((wanted) => sameLeg(wanted, thing));
    if (at < 0) {
      const { direction, amount, currency, account } = thing;
      const what = `the ${direction} of ${amount} ${currency} on ${account}`;
      throw new AuditError('transfer', `the transfer ${transfer} does not ask for ${what}`, location);
    }
    open.splice(at, 1);
  }
  const [missing] = open;
  if (missing) {
    const { direction, amount, currency, account } = missing;
    const what = `the ${direction} of ${amount} ${currency} on ${account}`;
    throw new AuditError(
      'transfer',
      `its batch lacks ${what}: debits and credits are not equal`,
      promise.location,
    );
  }
}

function sameLeg(a: Leg, b: Leg): boolean {
  return (
    a.account === b.account &&
    a.direction === b.direction &&
    a.amount === b.amount &&
    a.currency === b.currency
  );
}

/** Where an event is, for a finding. */
export function locationOf({ position, subject, type }: RecordedEvent): Location {
  return { position, subject, event: type };
}
