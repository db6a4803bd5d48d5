/** An account as it was: its last event up to a position or a time, which carries the state after it. */
import { aggregateSubject, streamName } from '../contracts/subjects.ts';
import { decode } from './codec.ts';
import { directGet, lastPosition, next, type Place } from './direct-get.ts';
import type { AccountRecord } from '../contracts/events.ts';
import type { At } from './event-reader.ts';

/** The last event of an account; up to a moment if one is given. */
export async function lastOf(place: Place, account: string, at?: At): Promise<AccountRecord | undefined> {
  const subject = aggregateSubject(place.ledger, { aggregate: 'account', id: account });
  if (at === undefined) return lastUpTo(place, { subject });
  if ('position' in at) {
    // The server finds nothing up to a position that is still to come.
    const position = Math.min(at.position, await lastPosition(place));
    return lastUpTo(place, { subject, position });
  }
  // Times grow with positions but for the moments in which one writer follows another, so the position that a search
  // finds is near; the account's own times never step back, so from there the account itself shows the way.
  let found = await lastUpTo(place, { subject, position: await positionAt(place, at.time) });
  while (found && found.time > at.time) {
    found = found.position > 1 ? await lastUpTo(place, { subject, position: found.position - 1 }) : undefined;
  }
  for (;;) {
    const [following] = await next(place, { after: found?.position ?? 0, subject });
    const event = following && (decode(following) as AccountRecord);
    if (!event || event.time > at.time) return found;
    found = event;
  }
}

async function lastUpTo(
  { nc, ledger }: Place,
  { subject, position }: { subject: string; position?: number },
): Promise<AccountRecord | undefined> {
  if (position !== undefined && position < 1) return undefined;
  const query = { multi_last: [subject], ...(position === undefined ? {} : { up_to_seq: position }) };
  const found = await directGet(nc, streamName(ledger), query);
  const newest = found.toSorted((a, b) => a.seq - b.seq).at(-1);
  return newest && (decode(newest) as AccountRecord);
}

/** The last position whose event is not after a time; 0 if there is none. Halves the log until one is left. */
export async function positionAt(place: Place, time: string): Promise<number> {
  let low = 0;
  let high = await lastPosition(place);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const [message] = await next(place, { after: middle - 1, subject: undefined });
    if (message && (message.headers.get('ce-time') ?? '') <= time) low = middle;
    else high = middle - 1;
  }
  return low;
}
