/** Checks that no more of a transfer is undone than it moved. Only transfers that were undone in part are remembered. */
import { totalOf } from '../../domain/transfer.ts';
import type { RecordedEvent } from '../../contracts/events.ts';
import { AuditError } from './finding.ts';
import { termsOf } from './event-rules.ts';

export class ReversedCheck {
  readonly #reversed = new Map<string, bigint>();

  add(event: RecordedEvent): void {
    if (event.name !== 'TransferReversed') return;
    const { aggregateId: id, data } = event;
    const before = this.#reversed.get(id) ?? 0n;
    const after = before + BigInt(data.reversal.amount);
    if (BigInt(data.reversed) !== after) {
      const amount = data.reversal.amount;
      throw new AuditError(
        'reversed',
        `it says that ${data.reversed} is undone, but ${before} was, and now ${amount}`,
      );
    }
    const total = totalOf(termsOf(event));
    if (after > total) {
      throw new AuditError('reversed', `${after} of the transfer ${id} is undone, but it moved ${total}`);
    }
    // What is wholly undone has ended: nothing more can happen to it.
    if (after === total) this.#reversed.delete(id);
    else this.#reversed.set(Buffer.from(id).toString(), after);
  }
}
