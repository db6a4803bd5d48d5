/** The oracle complains of what must not be: each test takes a record that is right, and spoils one thing. */
import { beforeEach, describe, expect, test } from 'vitest';
import { idempotencyKey } from '../../api/commands/idempotency.ts';
import { depositDraft, openingDraft, type Draft } from '../../chaos/clients/operations.ts';
import type { Attempt, Command, Read } from '../../chaos/clients/record.ts';
import { between, World } from '../../chaos/clients/world.ts';
import { LogFold } from '../../chaos/oracle/log-facts.ts';
import { judge } from '../../chaos/oracle/oracle.ts';
import type { RecordedEvent } from '../../contracts/events.ts';
import { createTestLog } from '../support/events/events.ts';

let log: RecordedEvent[];
let commands: Command[];
let reads: Read[];

const answered = (answer: Partial<Attempt>): Attempt => ({ sent: 0, ended: 5, text: '{}', ...answer });
const unanswered: Attempt = { sent: 0, ended: 5, text: 'other side closed' };

function transferDraft(
  key: string,
  { source, destination, amount }: { source: string; destination: string; amount: bigint },
): Draft {
  const { transferId: id, keyHash } = idempotencyKey(key);
  const moves = between(source, destination, amount);
  const body = { source, destination, amount: `${amount}`, currency: 'EUR' };
  const asked = { kind: 'transfer', path: '/v1/transfers', body };
  return { key, keyHash, ...asked, commandIds: [id], transfers: [{ id, moves }] };
}

/** The events of a batch as those of a command. */
function carriedOut(
  { commandIds: [commandId], keyHash }: Draft,
  batch: readonly RecordedEvent[],
): RecordedEvent[] {
  return batch.map((event, index) => ({
    ...event,
    id: `${commandId}-${index + 1}`,
    idempotencyKey: keyHash,
  }));
}

function remember(draft: Draft, ...attempts: Attempt[]): Command {
  const command = { ...draft, number: commands.length + 1, attempts };
  commands.push(command);
  return command;
}

const found = (events: readonly RecordedEvent[] = log) => {
  const fold = new LogFold();
  for (const event of events) fold.add(event);
  const { complaints, lost, doubled } = judge({ commands, reads }, fold);
  return { checks: complaints.map(({ check }) => check), lost, doubled, complaints };
};

/** Two accounts, a deposit that was answered at once, and a transfer that was answered at the second time. */
beforeEach(() => {
  const ledger = createTestLog();
  commands = [];
  log = [];
  const world = new World();
  for (const id of ['alice', 'bob']) {
    const draft = openingDraft(world, id);
    const stored = carriedOut(draft, ledger.open(id));
    log.push(...stored);
    remember(draft, answered({ status: 201, position: stored.at(-1)!.position }));
  }
  const deposit = depositDraft('pay-in', 'alice', 100n);
  const paidIn = carriedOut(deposit, ledger.deposit('alice', 100n, { id: deposit.commandIds[0]! }));
  log.push(...paidIn);
  remember(deposit, answered({ status: 201, position: paidIn.at(-1)!.position }));
  const transfer = transferDraft('pay-bob', { source: 'alice', destination: 'bob', amount: 30n });
  const paid = carriedOut(transfer, ledger.move(['alice', 'bob'], 30n, { id: transfer.commandIds[0]! }));
  log.push(...paid);
  const answer = answered({ status: 201, position: paid.at(-1)!.position });
  remember(transfer, unanswered, { ...answer, replayed: true });
  const seen = { account: 'bob', minPosition: 0, at: 0, held: 0n, limit: 0n };
  reads = [
    { ...seen, version: 1, posted: 0n, available: 0n },
    { ...seen, version: 2, posted: 30n, available: 30n, minPosition: answer.position! },
  ];
});

/** The log without what the last command did. */
const withoutTransfer = () => log.filter(({ id }) => !id.startsWith(commands.at(-1)!.commandIds[0]!));

/** The log with another event in the place of that of this name. */
function changed(
  name: RecordedEvent['name'],
  account: string,
  change: (data: object) => object,
): RecordedEvent[] {
  return log.map((event) =>
    event.name === name && event.aggregateId === account
      ? ({ ...event, data: change(event.data) } as RecordedEvent)
      : event,
  );
}

test('a record that fits the log is left alone', () => {
  expect(found()).toMatchObject({ checks: [], lost: 0, doubled: 0 });
});

describe('commands', () => {
  test('an acknowledged command that the log does not have is lost, and named', () => {
    const { lost, complaints } = found(withoutTransfer());
    expect(lost).toBe(1);
    expect(complaints[0]).toMatchObject({ check: 'acknowledged, but not in the log' });
    expect(complaints[0]?.found).toContain('pay-bob');
  });

  test('an acknowledged account that the log does not have is lost', () => {
    expect(found(log.filter(({ aggregateId }) => aggregateId !== 'bob')).lost).toBe(1);
  });

  test('a command that the log has a second time is doubled, whoever was told what', () => {
    const transfer = log.slice(-3);
    const twice = [...log, ...transfer.map((event) => ({ ...event, position: event.position + 3 }))];
    expect(found(twice)).toMatchObject({ doubled: 1, lost: 0 });
    commands.at(-1)!.attempts.length = 1;
    expect(found(twice).doubled).toBe(1);
  });

  test('money that moves a second time for the same transfer is found, whatever names its events', () => {
    const again = log
      .slice(-3, -1)
      .map((event) => ({ ...event, id: `step-${event.id}`, idempotencyKey: undefined }));
    expect(found([...log, ...again]).checks).toContain('moved other money than was asked for');
  });

  test('another amount than was asked for is found', () => {
    const wrong = changed('MoneyDeposited', 'bob', (data) => ({ ...data, amount: '31' }));
    expect(found(wrong).checks).toContain('moved other money than was asked for');
  });

  test('a command that never got a clear answer is told of, and may be in the log or not', () => {
    commands.at(-1)!.attempts.length = 1;
    expect(found().checks).toEqual(['no clear answer in the end']);
    reads = [];
    expect(found(withoutTransfer()).checks).toEqual(['no clear answer in the end']);
  });

  test('a refusal that moved money is found', () => {
    const transfer = commands.at(-1)!;
    transfer.attempts.splice(0, 2, answered({ status: 404, code: 'account_not_found' }));
    expect(found().checks).toEqual(['refused without a trace, but in the log']);
  });

  test('a rejection that moved money is found', () => {
    const { id } = commands.at(-1)!.transfers[0]!;
    const rejected = log.map((event) =>
      event.aggregateId === id ? ({ ...event, name: 'TransferRejected' } as RecordedEvent) : event,
    );
    commands.at(-1)!.attempts.splice(0, 2, answered({ status: 422, position: log.at(-1)!.position }));
    expect(found(rejected).checks).toEqual(['moved other money than was asked for']);
  });

  test('what is in the log and nobody has asked for is found, by its key and by its money', () => {
    const transfer = commands.pop()!;
    const { checks, complaints } = found();
    expect(new Set(checks)).toEqual(new Set(['in the log, but nobody asked for it']));
    expect(complaints.map(({ found: told }) => told).join()).toContain(transfer.transfers[0]!.id);
    const keyless = log.map((event) => ({ ...event, idempotencyKey: undefined }));
    expect(found(keyless).checks).toContain('in the log, but nobody asked for it');
  });

  test('a command that stands in the log under another key is found', () => {
    const other = log.map((event, index) => (index < 1 ? { ...event, idempotencyKey: 'another' } : event));
    expect(found(other).checks).toContain('under another key in the log');
  });
});

const last = () => commands.at(-1)!.attempts.at(-1)!;

const repeat = (answer: Partial<Attempt>) => commands.at(-1)!.attempts.push({ ...last(), ...answer });

describe('answers', () => {
  test('the same answer again is right, in whatever order its body is', () => {
    commands.at(-1)!.attempts.splice(1, 1, { ...last(), text: '{"a":1,"b":2}' });
    repeat({ text: '{"b":2,"a":1}' });
    expect(found().checks).toEqual([]);
  });

  test.each([
    ['another body', { text: '{"id":"other"}' }],
    ['another status', { status: 202 }],
    ['another position', { position: 1 }],
  ])('a key that answers %s the second time is found', (_, answer) => {
    repeat(answer);
    expect(found().checks).toEqual(['answered in two ways']);
  });

  test('a repetition that does not say that it is one is found', () => {
    repeat({ replayed: false });
    expect(found().checks).toEqual(['repeated without saying so']);
  });

  test('an answer with a position where the transfer is not is found', () => {
    commands.at(-1)!.attempts.splice(1, 1, { ...last(), position: 3 });
    expect(found().checks).toEqual(['answered with another position than the log has']);
  });

  test('a 500 is found, also when the next answer is clear', () => {
    commands.at(-1)!.attempts.unshift(answered({ status: 500 }));
    expect(found().checks).toEqual(['answered 500']);
  });

  test('what was answered as posted and only waits is found', () => {
    const { id } = commands.at(-1)!.transfers[0]!;
    const waiting = log
      .filter(({ data }) => !('transfer' in data && data.transfer === id))
      .map((event) =>
        event.aggregateId === id ? ({ ...event, name: 'TransferRequested' } as RecordedEvent) : event,
      );
    expect(found(waiting).checks).toContain('answered as posted, but it is not');
  });
});

describe('accounts', () => {
  test('a balance below the limit is found at the position where it is, though it recovers', () => {
    const low = changed('AccountCreated', 'bob', (data) => ({
      ...data,
      balances: { posted: '-1', held: '0', available: '-1' },
    }));
    const { checks, complaints } = found(low);
    expect(checks).toContain('below its limit in the log');
    expect(complaints.find(({ check }) => check.startsWith('below'))?.found).toContain('bob at 2');
  });

  test('an available balance that is not what posted, held and limit make is found', () => {
    const wrong = changed('MoneyDeposited', 'bob', (data) => ({
      ...data,
      balances: { posted: '30', held: '5', available: '30' },
    }));
    expect(found(wrong).checks).toContain('below its limit in the log');
  });

  test('balances that do not sum to zero are found', () => {
    const more = changed('MoneyDeposited', 'bob', (data) => ({
      ...data,
      balances: { posted: '31', held: '0', available: '31' },
    }));
    expect(found(more).checks).toContain('balances do not sum to zero');
  });

  test('a read below the limit is found', () => {
    reads.push({ ...reads[1]!, posted: -1n, available: -1n });
    expect(found().checks).toContain('below its limit in a read');
  });

  test('a read of a state that never was is found', () => {
    reads.push({ ...reads[1]!, posted: 29n, available: 29n });
    expect(found().checks).toEqual(['read what never was']);
    reads.splice(2, 1, { ...reads[1]!, version: 3 });
    expect(found().checks).toEqual(['read what never was']);
  });

  test('a read that is older than the position that it asked for is found', () => {
    reads.push({ ...reads[0]!, minPosition: log.at(-1)!.position });
    expect(found().checks).toEqual(['read what was too old']);
    reads.splice(2, 1, { ...reads[0]!, version: 0, minPosition: log.at(-1)!.position });
    expect(found().checks).toEqual(['read what was too old']);
    reads.splice(2, 1, { ...reads[0]!, version: 0 });
    expect(found().checks).toEqual([]);
  });
});
