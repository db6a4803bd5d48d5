/**
 * Prints what happens in the ledger as it happens. A plain NATS subscription: no history, no place kept.
 *
 *   node examples/live-feed.ts
 *
 * `NATS_URL` (nats://127.0.0.1:4222) and `LEDGER` (main) say where; no password is needed to listen.
 */
import { connect } from '@nats-io/transport-node';
import { parseEventType, type AccountRecord, type EventData } from '../contracts/events.ts';
import type { PublishedName } from '../contracts/published-events.ts';
import { factsSubject } from '../contracts/subjects.ts';

const nc = await connect({ servers: process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222', name: 'live-feed' });
const subject = factsSubject(process.env['LEDGER'] ?? 'main');
const subscription = nc.subscribe(subject);
console.log(`Listening to ${subject}. Ctrl-C ends.`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void nc.drain());

for await (const message of subscription) {
  const header = (name: string) => message.headers?.get(name) ?? '';
  const position = header('Nats-Sequence').padStart(8);
  const name = parseEventType(header('ce-type'))?.name ?? header('ce-type');
  console.log(
    `${position}  ${name.padEnd(18)} ${header('ce-subject').padEnd(36)} ${describe(message.json())}`,
  );
}

type AccountEventName = AccountRecord['name'];

/** What is worth a look in an event's data. */
function describe(data: EventData<PublishedName>): string {
  if ('balances' in data) {
    const moved = 'amount' in data ? `${data.amount} ${data.currency}, ` : '';
    return `${moved}available ${data.balances.available} ${data.currency}`;
  }
  const why = 'reason' in data && data.reason !== undefined ? `: ${data.reason}` : '';
  return `${whatMoves(data)}${why}`;
}

function whatMoves(data: EventData<Exclude<PublishedName, AccountEventName>>): string {
  if ('entries' in data) {
    return data.entries
      .map(({ account, direction, amount, currency }) => `${direction} ${account} ${amount} ${currency}`)
      .join(', ');
  }
  if ('from' in data) return `${data.amount} ${data.currency} from ${data.from} to ${data.to}`;
  const captured = 'captured' in data ? `${data.captured} of ` : '';
  return `${captured}${data.amount} ${data.currency} on ${data.account}`;
}
