/** An account as it was: its last event up to a position or a time, which carries the state after it. */
import type { AccountRecord } from '../../contracts/events.ts';
import { aggregateSubject } from '../../contracts/subjects.ts';
import { decodeOf, type StoredMessage } from '../wire/codec.ts';
import { lastOfEach, lastUpTo, next, verifiedEnd, type LogRef } from './direct-get.ts';
import type { At } from './event-reader.ts';

/** The last event of an account; up to a moment if one is given. */
export async function lastOf(log: LogRef, account: string, at?: At): Promise<AccountRecord | undefined> {
  const subject = aggregateSubject(log.ledger, { aggregate: 'account', id: account });
  if (at === undefined) return newest(await lastOfEach(log, [subject]));
  if ('position' in at) {
    // The server finds nothing up to a position that is still to come.
    const position = Math.min(at.position, await verifiedEnd(log));
    return lastBy(log, { subject, position });
  }
  // Times grow with positions but for the moments in which one writer follows another, so the position that a search
  // finds is near; the account's own times never step back, so from there the account itself shows the way.
  let found = await lastBy(log, { subject, position: await positionAt(log, at.time) });
  while (found && found.time > at.time) {
    found = found.position > 1 ? await lastBy(log, { subject, position: found.position - 1 }) : undefined;
  }
  for (;;) {
    const following = await next(log, { after: found?.position ?? 0, subject });
    const event = following && decodeOf('account', following);
    if (!event || event.time > at.time) return found;
    found = event;
  }
}

async function lastBy(
  log: LogRef,
  limit: { subject: string; position: number },
): Promise<AccountRecord | undefined> {
  return limit.position < 1 ? undefined : newest(await lastUpTo(log, limit));
}

function newest(found: readonly StoredMessage[]): AccountRecord | undefined {
  const message = found.toSorted((a, b) => a.seq - b.seq).at(-1);
  return message && decodeOf('account', message);
}

/** The last position whose event is not after a time; 0 if there is none. Halves the log until one is left. */
export async function positionAt(log: LogRef, time: string): Promise<number> {
  let low = 0;
  let high = await verifiedEnd(log);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const message = await next(log, { after: middle - 1, subject: undefined });
    if (message && (message.headers.get('ce-time') ?? '') <= time) low = middle;
    else high = middle - 1;
  }
  return low;
}
