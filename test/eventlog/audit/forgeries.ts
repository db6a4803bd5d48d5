/** A log, and ways in which somebody may have forged it. */
import { createTestLog, type TestLog } from '../../support/events/events.ts';
import { alterData, sealed, storedMessages, type Stored } from '../../support/events/stored-messages.ts';

/** Positions: 1 alice created, 2 bob created, 3-5 a deposit, 6-8 a transfer, 9 rejected, 10-12 back, 13 a receipt. */
export function someLog(): Stored[] {
  return storedMessages(logOfEvents().events);
}

function logOfEvents(): TestLog {
  const log = createTestLog();
  log.open('alice', { overdraftLimit: 500n });
  log.open('bob');
  log.deposit('alice', 1_000n, { id: 'd' });
  log.move(['alice', 'bob'], 300n, { id: 't', reference: 'rent' });
  log.move(['bob', 'alice'], 9_999n, { id: 'refused' });
  log.move(['bob', 'alice'], 100n, { id: 'back' });
  log.receipt('alice');
  return log;
}

/** The log with one message replaced. */
export function replaced(
  messages: readonly Stored[],
  position: number,
  change: (message: Stored) => Stored,
): Stored[] {
  return messages.map((message) => (message.seq === position ? change(message) : message));
}

export function withHeader(name: string, value: string) {
  return (message: Stored) => sealed({ ...message, headers: new Map(message.headers).set(name, value) });
}

export function withData(change: (data: Record<string, unknown>) => void) {
  return (message: Stored) => {
    const altered = { ...message };
    alterData(altered, change);
    return sealed(altered);
  };
}

/** The same change in the data of every event of an account. */
export function inAccount(id: string, change: (data: Record<string, unknown>) => void) {
  return (message: Stored) =>
    message.subject.includes(`.account.${id}.`) ? withData(change)(message) : message;
}

/** The batch's numbers anew, and nothing that tells where a message stood. */
export function restamped(messages: readonly Stored[]): Stored[] {
  const bare = messages.map((message) => {
    const headers = new Map(message.headers);
    headers.delete('Nats-Expected-Last-Subject-Sequence-Subject');
    headers.delete('Nats-Batch-Commit');
    return { ...message, headers };
  });
  return ['batch-3', 'batch-4', 'batch-6'].reduce<Stored[]>(rebatch, bare);
}

/** A log in which alice spends more than she had: 1,000 in, 1,002 out. */
export function overdraftUsed(): Stored[] {
  const log = createTestLog();
  log.open('bob');
  log.open('alice', { overdraftLimit: 500n });
  log.deposit('alice', 1_000n);
  log.move(['alice', 'bob'], 1_002n);
  return storedMessages(log.events);
}

/** Numbers the messages of a batch anew. */
export function rebatch(messages: readonly Stored[], id: string): Stored[] {
  const inBatch = messages.filter(({ headers }) => headers.get('Nats-Batch-Id') === id);
  return messages.map((message) => {
    const at = inBatch.indexOf(message);
    if (at < 0) return message;
    const headers = new Map(message.headers).set('Nats-Batch-Sequence', String(at + 1));
    if (at === inBatch.length - 1) headers.set('Nats-Batch-Commit', '1');
    return { ...message, headers };
  });
}

/** Adds to the balances that bob's events carry from his first movement on. */
export function addToBob(messages: readonly Stored[], more: bigint): Stored[] {
  return messages.map((message) =>
    message.seq < 7 ? message : inAccount('bob', (data) => addToBalances(data, more))(message),
  );
}

function addToBalances(data: Record<string, unknown>, more: bigint): void {
  const balances = data.balances as Record<string, string>;
  for (const name of ['posted', 'available']) balances[name] = String(BigInt(balances[name] ?? 0) + more);
}

export function lowerLimit(data: Record<string, unknown>): void {
  data.overdraft_limit = '0';
  const balances = data.balances as Record<string, string>;
  balances.available = String(BigInt(balances.available ?? 0) - 500n);
}
