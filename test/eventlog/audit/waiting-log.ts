/** A log with transfers that wait, holds, reversals and transactions, and ways in which somebody may have forged it. */
import type { HoldCommand } from '../../../domain/hold.ts';
import type { TransferStep } from '../../../domain/ledger-transfers.ts';
import type { Entry } from '../../../domain/transfer.ts';
import { createTestLog, type TestLog } from '../../support/events/events.ts';
import { forge, storedMessages, type Stored } from '../../support/events/stored-messages.ts';
import { withData } from './forgeries.ts';

const NOW = '2026-01-01T00:00:00.000Z';
const NOON = '2026-01-02T12:00:00.000Z';
const NIGHT = '2026-01-02T20:00:00.000Z';

export function waitingLog(): Stored[] {
  const log = createTestLog();
  log.open('alice', { overdraftLimit: 500n });
  log.open('bob');
  log.deposit('alice', 1_000n, { id: 'd' });
  approved(log);
  captured(log);
  reversedInParts(log);
  transacted(log);
  ended(log);
  log.run({ type: 'account', id: 'bob', command: { type: 'update', overdraftLimit: 50n } });
  log.setStatus('bob', 'freeze');
  log.deposit('bob', 1n, { id: 'd2' });
  log.setStatus('bob', 'unfreeze');
  log.open('carol');
  log.setStatus('carol', 'close');
  return storedMessages(log.events);
}

const step = (log: TestLog, id: string, what: TransferStep) => log.run({ type: 'step', id, step: what });
const onHold = (log: TestLog, id: string, what: HoldCommand) =>
  log.run({ type: 'hold', id, step: what, at: NOW });
const described = { metadata: { b: '2', a: '1' }, requestedAt: NOW };

function place(log: TestLog, id: string, amount: bigint): void {
  const terms = { account: 'alice', amount, currency: 'EUR', ...described };
  onHold(log, id, { type: 'place', terms, expiresAt: NOON });
}

function approved(log: TestLog): void {
  log.move(['alice', 'bob'], 300n, { id: 'w', approvalExpiresAt: NOON });
  step(log, 'w', { type: 'approve', at: NOW });
}

function captured(log: TestLog): void {
  place(log, 'h', 200n);
  onHold(log, 'h', { type: 'capture', transfer: 'c', amount: 50n, destination: 'bob' });
}

function reversedInParts(log: TestLog): void {
  log.run({ type: 'reversal', id: 'r1', reverses: 'w', amount: 100n, terms: described });
  log.run({ type: 'reversal', id: 'r2', reverses: 'w', terms: described });
}

const line = (account: string, direction: Entry['direction'], amount: bigint): Entry => {
  return { account, direction, amount, currency: 'EUR' };
};

function transacted(log: TestLog): void {
  const entries = [line('alice', 'debit', 10n), line('bob', 'debit', 10n), line('world_EUR', 'credit', 20n)];
  log.run({ type: 'transfer', id: 'x', terms: { kind: 'transaction', entries, ...described } });
  log.run({ type: 'reversal', id: 'r3', reverses: 'x', terms: described });
}

function ended(log: TestLog): void {
  log.move(['alice', 'bob'], 5n, { id: 's', scheduledFor: NOON });
  step(log, 's', { type: 'complete' });
  log.move(['alice', 'bob'], 7n, { id: 'v', approvalExpiresAt: NOON });
  step(log, 'v', { type: 'cancel' });
  log.move(['alice', 'world_EUR'], 8n, { id: 'p', rail: 'sepa' });
  step(log, 'p', { type: 'park', reason: 'no answer' });
  step(log, 'p', { type: 'fail', rejection: { code: 'rail_declined', detail: 'No.' } });
  place(log, 'h2', 9n);
  onHold(log, 'h2', { type: 'extend', expiresAt: NIGHT });
  onHold(log, 'h2', { type: 'void' });
}

/** An event, by whose it is, by the end of its subject, and by its number if there are several. */
export type Name = readonly [id: string, token: string, nth?: number | undefined];

/** Where an event stands in a log. */
export function placeOf(log: readonly Stored[], [id, token, nth = 1]: Name): number {
  const found = log.filter(({ subject }) => subject.endsWith(`.${id}.${token}`))[nth - 1];
  if (!found) throw new Error(`${id} was never ${token}`);
  return log.indexOf(found);
}

/** The log without some events, rebuilt so that nothing but their absence tells. */
export function without(log: readonly Stored[], ...names: Name[]): Stored[] {
  const places = new Set(names.map((name) => placeOf(log, name)));
  return rebuilt(log.filter((_, at) => !places.has(at)));
}

/** The log with an event twice, one behind the other. */
export function twice(log: readonly Stored[], name: Name): Stored[] {
  const at = placeOf(log, name);
  return rebuilt(log.toSpliced(at, 0, { ...log[at]! }));
}

/** The log with one of its events once more, alone at its end. */
export function again(log: readonly Stored[], name: Name): Stored[] {
  const headers = new Map(log[placeOf(log, name)]!.headers);
  for (const header of ['Nats-Batch-Id', 'Nats-Batch-Sequence', 'Nats-Batch-Commit']) headers.delete(header);
  headers.set('ce-id', 'again-1');
  return forge([...log, { ...log[placeOf(log, name)]!, headers }]);
}

/** The log with the data of an event changed. */
export function changed(
  log: readonly Stored[],
  name: Name,
  change: (data: Record<string, unknown>) => void,
): Stored[] {
  const at = placeOf(log, name);
  return forge(log.with(at, withData(change)(log[at]!)));
}

const batchOf = ({ headers }: Stored) => headers.get('Nats-Batch-Id');

/** Numbers the events of each batch anew, and all of them. */
export function rebuilt(log: readonly Stored[]): Stored[] {
  const renumbered = log.map((message) => {
    const id = batchOf(message);
    if (id === undefined) return message;
    const batch = log.filter((one) => batchOf(one) === id);
    const number = batch.indexOf(message) + 1;
    const headers = new Map(message.headers);
    headers.set('Nats-Batch-Sequence', String(number)).set('ce-id', `${id}-${number}`);
    headers.delete('Nats-Batch-Commit');
    if (number === batch.length) headers.set('Nats-Batch-Commit', '1');
    return { ...message, headers };
  });
  return forge(renumbered);
}

/** What the events of an account say is held, from one of them on, changed by as much. */
export function heldMore(log: readonly Stored[], name: Name, more: bigint): Stored[] {
  const from = placeOf(log, name);
  return log.map((message, at) => {
    if (at < from || !message.subject.includes(`.account.${name[0]}.`)) return message;
    return withData((data) => {
      const balances = data.balances as Record<string, string>;
      balances.held = String(BigInt(balances.held ?? 0) + more);
      balances.available = String(BigInt(balances.available ?? 0) - more);
    })(message);
  });
}
