/**
 * Checks what stands in the log twice, told by both sides: a transfer that undoes another and the other that says so; a
 * transfer that captures a hold and the hold that says so. Both are in one batch and say the same.
 */
import { entriesOf, type Entry, type TransferTerms } from '../../domain/transfer.ts';
import type { RecordedEvent } from '../../contracts/events.ts';
import { spotOf } from './batch-check.ts';
import { Fault, type Spot } from './finding.ts';
import { termsOf } from './event-rules.ts';

type Side = 'transfer' | 'counterpart';

export class CounterpartsCheck {
  /** What one side has said in the batch that is open, and the other has not. */
  readonly #said = new Map<string, { readonly side: Side; readonly spot: Spot }>();

  add(event: RecordedEvent): void {
    for (const { side, what } of sayings(event)) {
      const before = this.#said.get(what);
      if (before && before.side !== side) this.#said.delete(what);
      else this.#said.set(what, { side, spot: spotOf(event) });
    }
  }

  /** A batch ends here. */
  endBatch(): void {
    for (const [what, { side, spot }] of this.#said) {
      const missing =
        side === 'transfer' ? 'nothing else in its batch says so' : 'no transfer of its batch does so';
      throw new Fault('counterpart', `it says "${what}", but ${missing}`, spot);
    }
  }
}

function sayings(event: RecordedEvent): { side: Side; what: string }[] {
  if (event.name === 'TransferCompleted') {
    return ofTransfer(event.aggregateId, termsOf(event)).map((what) => ({ side: 'transfer', what }));
  }
  if (event.name === 'HoldCaptured') {
    const { transfer, account, captured, currency } = event.data;
    const what = `${transfer} captures ${event.aggregateId}: ${captured} ${currency} of ${account}`;
    return [{ side: 'counterpart', what }];
  }
  if (event.name === 'TransferReversed') {
    const { id, amount } = event.data.reversal;
    const terms = termsOf(event);
    const undone = entriesOf('entries' in terms ? terms : { ...terms, amount: BigInt(amount) });
    return [{ side: 'counterpart', what: `${id} undoes ${event.aggregateId}: ${lines(undone.map(turned))}` }];
  }
  return [];
}

function turned(entry: Entry): Entry {
  return { ...entry, direction: entry.direction === 'debit' ? 'credit' : 'debit' };
}

/** A capture names its hold, a reversal its original, and nothing else names either. */
function ofTransfer(id: string, terms: TransferTerms): string[] {
  const said: string[] = [];
  if (!('entries' in terms) && (terms.kind === 'capture' || terms.hold !== undefined)) {
    const { hold, amount, currency, source } = terms;
    said.push(`${id} captures ${hold}: ${amount} ${currency} of ${source}`);
  }
  if (terms.kind === 'reversal' || terms.reverses !== undefined) {
    said.push(`${id} undoes ${terms.reverses}: ${lines(entriesOf(terms))}`);
  }
  return said;
}

function lines(entries: readonly Entry[]): string {
  return entries
    .map(({ direction, amount, currency, account }) => `${direction} ${amount} ${currency} ${account}`)
    .toSorted()
    .join(', ');
}
