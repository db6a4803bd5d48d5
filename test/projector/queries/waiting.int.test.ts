/** Transfers that wait, have entries or are reversed, and holds, as the read model on a real Postgres shows them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { holdResource, transferResource } from '../../../contracts/http.ts';
import { AMOUNT_MAX } from '../../../domain/money.ts';
import { holdFrom, transferFrom } from '../../../messages/mapping/resources.ts';
import { createReadStore } from '../../../projector/queries/postgres.ts';
import {
  InvalidCursor,
  type Page,
  type PageRequest,
  type ReadStore,
} from '../../../projector/queries/read-store.ts';
import type { ReadModel } from '../../../projector/tables/database.ts';
import { createTestLog, type TestLog } from '../../support/events/events.ts';
import { AT, held, LATER, placed, reversal, step, transaction } from '../projections/commands.ts';
import { choices, history } from '../projections/history.ts';
import { contents, openReadModel, project } from '../test-read-model.ts';

let db: ReadModel;
let store: ReadStore;
let log: TestLog;
/** What the read model has of the log. */
let projected: number;

beforeEach(async () => {
  db = await openReadModel();
  store = createReadStore(db);
  log = createTestLog();
  for (const name of ['alice', 'bob', 'fees']) log.open(name);
  log.deposit('alice', 1_000n, { id: 'd1' });
  projected = 0;
});
afterEach(async () => db.end());

/** Brings the read model to where the log is. */
async function catchUp(): Promise<void> {
  await project(db, log.events.slice(projected));
  projected = log.events.length;
}

/** The ids of all items of a list, page by page; between pages something may happen. */
async function ids(
  list: (page: PageRequest) => Promise<Page<{ readonly id: string }>>,
  limit: number,
  meanwhile: () => Promise<void> = async () => {},
): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | null | undefined;
  do {
    const page = await list(cursor ? { limit, cursor } : { limit });
    found.push(...page.data.map(({ id }) => id));
    cursor = page.next_cursor;
    await meanwhile();
  } while (cursor !== null);
  return found;
}

describe('any history', () => {
  const chosen = choices(1, 200);

  it('leaves every transfer and every hold as its last event says', async () => {
    const { events } = history(chosen);
    await project(db, events);
    const last = new Map(events.map((event) => [`${event.aggregate} ${event.aggregateId}`, event]));
    let [transfers, holds] = [0, 0];
    for (const event of last.values()) {
      if (event.aggregate === 'transfer') {
        const { reversals: _, ...found } = (await store.transfer(event.aggregateId))!;
        expect(transferResource.strict().parse(found)).toEqual(transferFrom(event as never));
        transfers += 1;
      } else if (event.aggregate === 'hold') {
        const found = await store.hold(event.aggregateId);
        expect(holdResource.strict().parse(found)).toEqual(holdFrom(event as never));
        holds += 1;
      }
    }
    expect(transfers).toBeGreaterThan(50);
    expect(holds).toBeGreaterThan(5);
  });

  it('makes the same read model, applied at once or batch by batch', async () => {
    const { batches } = history(chosen);
    for (const batch of batches) await project(db, batch);
    const whole = await openReadModel();
    await project(whole, batches.flat());
    expect(await contents(db)).toEqual(await contents(whole));
    await whole.end();
  });
});

describe('a transfer that waits', () => {
  it('is shown as it is now, from its first event to its last', async () => {
    log.move(['alice', 'bob'], 30n, { id: 't1', approvalExpiresAt: LATER, scheduledFor: LATER });
    await catchUp();
    const asked = await store.transfer('t1');
    expect(asked).toMatchObject({
      status: 'awaiting_approval',
      approval_expires_at: LATER,
      scheduled_for: LATER,
      position: 8,
    });
    expect(asked).not.toHaveProperty('completed_at');
    expect(await store.account('alice')).toMatchObject({ balances: { held: '30', available: '970' } });
    log.run(step('t1', { type: 'approve', at: AT }));
    await catchUp();
    expect(await store.transfer('t1')).toMatchObject({ status: 'scheduled', position: 9 });
    log.run(step('t1', { type: 'complete' }));
    await catchUp();
    expect(await store.transfer('t1')).toMatchObject({ status: 'posted', position: 13 });
    expect(await store.account('alice')).toMatchObject({ balances: { posted: '970', held: '0' } });
  });

  it('loses nothing of what an earlier event said and the last one does not, but the reason', async () => {
    log.move(['alice', 'bob'], 30n, { id: 't1', rail: 'sepa' });
    log.run(step('t1', { type: 'park', reason: 'no answer' }));
    await catchUp();
    expect(await store.transfer('t1')).toMatchObject({
      status: 'pending',
      rail: 'sepa',
      reason: 'no answer',
    });
    log.run(step('t1', { type: 'complete' }));
    await catchUp();
    const completed = await store.transfer('t1');
    expect(completed).toMatchObject({ status: 'posted', rail: 'sepa' });
    expect(completed).not.toHaveProperty('reason');
  });

  it('stops the projector loudly when its beginning is not there', async () => {
    await catchUp();
    const asked = log.move(['alice', 'bob'], 30n, { id: 't1', approvalExpiresAt: LATER });
    const approved = log.run(step('t1', { type: 'approve', at: AT }));
    const moved = approved.map((event) => ({ ...event, position: event.position - asked.length }));
    await expect(project(db, moved)).rejects.toThrow(/first_position.* not-null/);
    expect(await store.position()).toBe(projected);
  });
});

describe('the list of transfers', () => {
  it('stays in its order whatever happens to them, and pages neither skip nor repeat', async () => {
    const names = ['t1', 't2', 't3', 't4', 't5', 't6'];
    for (const id of names) log.move(['alice', 'bob'], 1n, { id, approvalExpiresAt: LATER });
    await catchUp();
    const order = ['t3', 't6', 't1', 't5'];
    const found = await ids(
      (page) => store.transfers({ account: 'alice' }, page),
      2,
      async () => {
        const id = order.shift();
        if (id !== undefined) log.run(step(id, { type: 'approve', at: AT }));
        await catchUp();
      },
    );
    expect(found).toEqual(['t6', 't5', 't4', 't3', 't2', 't1', 'd1']);
  });

  it('of an account has its sides and the entries that name it, each transfer once, newest first', async () => {
    log.move(['alice', 'bob'], 1n, { id: 't1' });
    log.run(transaction('x1', 'alice -10, bob 6, bob 3, fees 1'));
    log.move(['bob', 'alice'], 1n, { id: 't2' });
    log.run(transaction('refused', 'bob -9999, fees 9999'));
    log.run(transaction('x2', 'bob -2, alice 2'));
    await catchUp();
    const expected = {
      alice: ['x2', 't2', 'x1', 't1', 'd1'],
      bob: ['x2', 'refused', 't2', 'x1', 't1'],
      fees: ['refused', 'x1'],
    };
    for (const [account, wanted] of Object.entries(expected)) {
      for (const limit of [1, 2, 500]) {
        expect(await ids((page) => store.transfers({ account }, page), limit)).toEqual(wanted);
      }
    }
    const filter = { account: 'bob', status: 'rejected' } as const;
    expect(await ids((page) => store.transfers(filter, page), 1)).toEqual(['refused']);
    log.run(reversal('r1', 'x1'));
    await catchUp();
    expect(await ids((page) => store.transfers({ account: 'fees' }, page), 1)).toEqual([
      'r1',
      'refused',
      'x1',
    ]);
  });

  it('can be filtered by what transfers belong to', async () => {
    log.move(['alice', 'bob'], 5n, { id: 's1', schedule: 'monthly' });
    log.move(['alice', 'bob'], 5n, { id: 'b1', bulk: 'payroll', reference: 'May' });
    log.move(['alice', 'bob'], 5n, { id: 'b2', bulk: 'payroll' });
    log.move(['alice', 'bob'], 5n, { id: 'w1', approvalExpiresAt: LATER });
    log.run(reversal('r1', 'b1', 2n));
    log.run(reversal('r2', 'b1', 1n));
    await catchUp();
    const wanted: [Parameters<ReadStore['transfers']>[0], string[]][] = [
      [{ schedule: 'monthly' }, ['s1']],
      [{ bulk: 'payroll' }, ['b2', 'b1']],
      [{ bulk: 'payroll', reference: 'May' }, ['b1']],
      [{ reverses: 'b1' }, ['r2', 'r1']],
      [{ reverses: 'b2' }, []],
      [{ status: 'awaiting_approval' }, ['w1']],
      [{ account: 'bob', bulk: 'payroll' }, ['b2', 'b1']],
    ];
    for (const [filter, found] of wanted) {
      expect(await ids((page) => store.transfers(filter, page), 1)).toEqual(found);
    }
  });
});

describe('a transfer that is reversed', () => {
  it('names what has undone it, oldest first, and not what was refused', async () => {
    log.move(['alice', 'bob'], 30n, { id: 't1' });
    log.run(reversal('r1', 't1', 10n));
    log.run(reversal('too-much', 't1', 21n));
    log.run(reversal('a-last-one', 't1'));
    await catchUp();
    expect(await store.transfer('t1')).toMatchObject({ reversed: '30', reversals: ['r1', 'a-last-one'] });
    expect(await store.transfer('too-much')).toMatchObject({ status: 'rejected', reverses: 't1' });
    expect(await store.transfer('r1')).not.toHaveProperty('reversals');
    const { data } = await store.transfers({}, { limit: 10 });
    expect(data.find(({ id }) => id === 't1')).not.toHaveProperty('reversals');
  });
});

describe('a statement', () => {
  it('shows what a transaction, a capture and a reversal have moved', async () => {
    log.run(transaction('x1', 'alice -10, bob 9, fees 1'));
    log.run(placed('h1', ['alice', 100n], { destination: 'bob' }));
    log.run(held('h1', { type: 'capture', transfer: 'c1', amount: 40n }));
    log.run(reversal('r1', 'c1', 15n));
    await catchUp();
    const { data } = await store.statement('alice', {}, { limit: 10 });
    const wanted = [
      ['d1', 'deposit', 'credit', '1000', 'world_EUR', '1000'],
      ['x1', 'transaction', 'debit', '10', null, '990'],
      ['c1', 'capture', 'debit', '40', 'bob', '950'],
      ['r1', 'reversal', 'credit', '15', 'bob', '965'],
    ];
    expect(
      data.map((entry) => [
        entry.transfer,
        entry.kind,
        entry.direction,
        entry.amount,
        entry.counterparty,
        entry.balance,
      ]),
    ).toEqual(wanted);
  });
});

describe('a hold', () => {
  it('is shown as it is now', async () => {
    log.run(placed('h1', ['alice', 100n], { expiresAt: LATER, reference: 'room 7' }));
    await catchUp();
    expect(await store.hold('h1')).toMatchObject({
      status: 'active',
      captured: '0',
      expires_at: LATER,
      reference: 'room 7',
      destination: null,
    });
    log.run(held('h1', { type: 'capture', transfer: 'c1', amount: 40n }));
    await catchUp();
    expect(await store.hold('h1')).toMatchObject({ status: 'captured', captured: '40', transfer: 'c1' });
    expect(await store.transfer('c1')).toMatchObject({ kind: 'capture', hold: 'h1', amount: '40' });
    expect(await store.hold('h2')).toBeUndefined();
  });

  it('is listed, newest first, by its account and its status', async () => {
    for (const id of ['h1', 'h2', 'h3']) log.run(placed(id, ['alice', 10n]));
    log.move(['alice', 'bob'], 50n);
    log.run(placed('h4', ['bob', 10n]));
    log.run(held('h1', { type: 'void', reason: 'left' }));
    await catchUp();
    const list = (filter: Parameters<ReadStore['holds']>[0], limit: number) =>
      ids((page) => store.holds(filter, page), limit);
    for (const limit of [1, 3, 500]) expect(await list({}, limit)).toEqual(['h4', 'h3', 'h2', 'h1']);
    expect(await list({ account: 'alice' }, 2)).toEqual(['h3', 'h2', 'h1']);
    expect(await list({ account: 'alice', status: 'active' }, 1)).toEqual(['h3', 'h2']);
    expect(await list({ status: 'voided' }, 1)).toEqual(['h1']);
    const { next_cursor } = await store.holds({}, { limit: 1 });
    const page = { limit: 1, cursor: next_cursor! };
    await expect(store.holds({ account: 'alice' }, page)).rejects.toThrow(InvalidCursor);
    await expect(store.transfers({}, page)).rejects.toThrow(InvalidCursor);
  });
});

describe('sums beyond 64 bits', () => {
  const HUGE = 9_999_999_999_999_999_999n;

  it('that were refused are on record to the last digit', async () => {
    log.move(['alice', 'bob'], HUGE, { id: 'much' });
    log.run(transaction('more', `alice -${HUGE}, bob ${HUGE}`));
    await catchUp();
    expect(await store.transfer('much')).toMatchObject({ status: 'rejected', amount: `${HUGE}` });
    expect((await store.transfer('more'))?.entries).toMatchObject([{ amount: `${HUGE}` }, {}]);
  });

  it('are not reached by what is held', async () => {
    log.open('euros', { overdraftLimit: AMOUNT_MAX });
    log.deposit('euros', AMOUNT_MAX - 1_000n);
    expect(log.run(placed('h1', ['euros', HUGE]))).toEqual([]);
    log.run(placed('h2', ['euros', AMOUNT_MAX]));
    await catchUp();
    expect(await store.account('euros')).toMatchObject({ balances: { held: `${AMOUNT_MAX}` } });
  });
});
