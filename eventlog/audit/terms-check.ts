/**
 * What was asked for of a transfer or a hold stands in each of its events. An audit remembers a number of it, so that
 * what was approved is what moves, and what was moved is what can be undone.
 */
import { hash } from 'node:crypto';
import { firstStatus } from '../../domain/transfer.ts';
import type { HoldRecord, RecordedEvent } from '../../contracts/events.ts';
import { AuditError } from './finding.ts';
import { isTransferEvent, termsOf, type Phase } from './event-rules.ts';

/** A number of what was asked for: the same for all events of a transfer or a hold; 0 for what has no terms. */
export function termsDigest(event: RecordedEvent): number {
  const terms = isTransferEvent(event) ? termsOf(event) : isHoldEvent(event) ? holdTerms(event) : undefined;
  return terms === undefined ? 0 : hash('sha256', inOrder(terms), 'buffer').readUInt32LE(0);
}

/** @param before the phase of its aggregate in which the event comes */
export function requireFitting(event: RecordedEvent, before: Phase): void {
  if (event.name === 'TransferRequested') {
    const due = firstStatus(termsOf(event)) ?? 'nothing';
    if (event.data.status !== due) {
      throw new AuditError('terms', `it begins as ${event.data.status}, but its terms ask for ${due}`);
    }
  }
  if (event.name === 'TransferCompleted' && before === 'none') {
    const due = firstStatus(termsOf(event));
    if (due !== undefined) throw new AuditError('terms', `it is posted at once, but was to be ${due} first`);
  }
  if (event.name === 'HoldCaptured') {
    const { amount, captured } = event.data;
    if (BigInt(captured) > BigInt(amount)) {
      throw new AuditError('terms', `it captures ${captured}, but the hold is one of ${amount}`);
    }
  }
}

function isHoldEvent(event: RecordedEvent): event is HoldRecord {
  return event.aggregate === 'hold';
}

/** Without `expires_at`, which may be put off. */
function holdTerms({ data }: HoldRecord): object {
  const { account, amount, currency, destination, reference, metadata, requested_at } = data;
  return { account, amount, currency, destination, reference, metadata, requested_at };
}

/** JSON that does not depend on the order in which somebody wrote the fields. */
function inOrder(value: object): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return part.toString();
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}
