/**
 * Checks what stands in the log twice, told by both sides: a transfer that undoes another and the other that says so; a
 * transfer that captures a hold and the hold that says so. Both are in one batch and say the same.
 */
import { entriesOf, type Entry, type TransferTerms } from '../../domain/transfer.ts';
import type { RecordedEvent } from '../../contracts/events.ts';
import { locationOf } from './batch-check.ts';
import { AuditError, type Location } from './finding.ts';
import { termsOf } from './event-rules.ts';

type Side = 'transfer' | 'counterpart';

export class CounterpartsCheck {
  /** What one side has said in the batch that is open, and the other has not. */
  readonly #claims = new Map<string, { readonly side: Side; readonly location: Location }>();

  add(event: RecordedEvent): void {
    for (const { side, claim } of claimsOf(event)) {
      const before = this.#claims.get(claim);
      if (before && before.side !== side) this.#claims.delete(claim);
      else this.#claims.set(claim, { side, location: locationOf(event) });
    }
  }

  /** A batch ends here. */
  endBatch(): void {
    for (const [claim, { side, location }] of this.#claims) {
      const missing =
        side === 'transfer' ? 'nothing else in its batch says so' : 'no transfer of its batch does so';
      throw new AuditError('counterpart', `it says "${claim}", but ${missing}`, location);
    }
  }
}

function claimsOf(event: RecordedEvent): { side: Side; claim: string }[] {
  if (event.name === 'TransferCompleted') {
    return ofTransfer(event.aggregateId, termsOf(event)).map((claim) => ({ side: 'transfer', claim }));
  }
  if (event.name === 'HoldCaptured') {
    const { transfer, account, captured, currency } = event.data;
    const claim = `${transfer} captures ${event.aggregateId}: ${captured} ${currency} of ${account}`;
    return [{ side: 'counterpart', claim }];
  }
  if (event.name === 'TransferReversed') {
    const { id, amount } = event.data.reversal;
    const terms = termsOf(event);
    const undone = entriesOf('entries' in terms ? terms : { ...terms, amount: BigInt(amount) });
    return [
      { side: 'counterpart', claim: `${id} undoes ${event.aggregateId}: ${lines(undone.map(turned))}` },
    ];
  }
  return [];
}

function turned(entry: Entry): Entry {
  return { ...entry, direction: entry.direction === 'debit' ? 'credit' : 'debit' };
}

/** A capture names its hold, a reversal its original, and nothing else names either. */
function ofTransfer(id: string, terms: TransferTerms): string[] {
  const claims: string[] = [];
  if (!('entries' in terms) && (terms.kind === 'capture' || terms.hold !== undefined)) {
    const { hold, amount, currency, source } = terms;
    claims.push(`${id} captures ${hold}: ${amount} ${currency} of ${source}`);
  }
  if (terms.kind === 'reversal' || terms.reverses !== undefined) {
    claims.push(`${id} undoes ${terms.reverses}: ${lines(entriesOf(terms))}`);
  }
  return claims;
}

function lines(entries: readonly Entry[]): string {
  return entries
    .map(({ direction, amount, currency, account }) => `${direction} ${amount} ${currency} ${account}`)
    .toSorted()
    .join(', ');
}
