import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Audit } from '../../../eventlog/audit/audit.ts';
import type { CommandRequest } from '../../../messages/commands.ts';
import {
  decision,
  changeAccount,
  changeHold,
  createAccount,
  moveMoney,
  openTestLedger,
  placeHold,
  reverse,
  step,
  transact,
  type TestLedger,
} from '../../support/ledgers/test-ledger.ts';

const NOON = '2026-01-02T12:00:00.000Z';
const NIGHT = '2026-01-02T20:00:00.000Z';

let log: TestLedger;
beforeAll(async () => {
  log = await openTestLedger();
  await Promise.all(['alice', 'bob', 'carol'].map((id) => log.submit(createAccount(id))));
  await log.submit(moveMoney('funds', { source: 'world_EUR', destination: 'alice', amount: '1000' }));
});
afterAll(() => log.close());

const limitOfDora = (overdraft_limit: string, key: string) =>
  changeAccount('dora', { type: 'account.update', overdraft_limit }, { idempotency_key: key });
const fromAlice = (amount: number) => ({ source: 'alice', destination: 'bob', amount: String(amount) });

/** Submits all at once to an appender that remembers nothing; then again to another one, which must say the same. */
async function inOneBatch(...requests: CommandRequest[]) {
  const [one, two] = [await log.join(), await log.join()];
  const before = await log.reader.lastPosition();
  const outcomes = await Promise.all(requests.map((request) => one.submit(request)));
  const batches = new Set<string | undefined>();
  for await (const some of log.reader.events({ after: before }))
    for (const { batch } of some) batches.add(batch?.id);
  expect(batches.size).toBe(1);
  const end = await log.reader.lastPosition();
  const again = await Promise.all(requests.map((request) => two.submit(request)));
  const same = outcomes.map((outcome) =>
    outcome.type === 'error' ? outcome : { ...outcome, replayed: true },
  );
  expect(again).toEqual(same);
  expect(await log.reader.lastPosition()).toBe(end);
  return outcomes;
}

describe('commands of one batch', () => {
  test('a hold and its capture: the money goes out, or where the capture says', async () => {
    expect(
      await inOneBatch(
        placeHold('h1', { account: 'alice', amount: '10' }),
        changeHold('h1', { type: 'hold.capture', transfer: 'c1', amount: '4' }),
      ),
    ).toMatchObject([{ hold: { status: 'active' } }, { hold: { status: 'captured', captured: '4' } }]);
    expect(
      await inOneBatch(
        placeHold('h2', { account: 'alice', amount: '10' }, { destination: 'bob' }),
        changeHold('h2', { type: 'hold.capture', transfer: 'c2', destination: 'carol' }),
      ),
    ).toMatchObject([{ hold: { status: 'active' } }, { hold: { status: 'captured', transfer: 'c2' } }]);
    expect(await log.reader.first({ aggregate: 'transfer', id: 'c2' })).toMatchObject({
      data: { kind: 'capture', to: 'carol', hold: 'h2' },
    });
  });

  test('a hold that is extended in vain, captured for too much, and voided', async () => {
    expect(
      await inOneBatch(
        placeHold('h3', { account: 'alice', amount: '10' }, { expires_at: NIGHT }),
        changeHold('h3', { type: 'hold.extend', expires_at: NOON }),
        changeHold('h3', { type: 'hold.capture', transfer: 'c3', amount: '11' }),
        changeHold('h3', { type: 'hold.void' }),
        changeHold('h3', { type: 'hold.void' }),
      ),
    ).toMatchObject([
      { created: true, hold: { status: 'active' } },
      { created: false, hold: { status: 'active', expires_at: NIGHT } },
      { type: 'rejected', rejection: { code: 'amount_exceeds_hold' } },
      { hold: { status: 'voided' } },
      { type: 'error', rejection: { code: 'hold_not_active' } },
    ]);
  });

  test('a transfer that waits, its approval, and reversals of it', async () => {
    expect(
      await inOneBatch(
        moveMoney('w1', fromAlice(10), { approval_expires_at: NOON }),
        decision('w1', 'approve'),
        decision('w1', 'cancel'),
        reverse('r1', 'w1', { amount: '3' }),
        reverse('r2', 'w1'),
        reverse('r3', 'w1'),
      ),
    ).toMatchObject([
      { transfer: { status: 'awaiting_approval' } },
      { transfer: { status: 'posted' } },
      { rejection: { code: 'transfer_not_pending' } },
      { transfer: { kind: 'reversal', amount: '3', reverses: 'w1' } },
      { transfer: { amount: '7' } },
      { type: 'error', rejection: { code: 'already_reversed' } },
    ]);
  });

  test('a transaction, and what is on its accounts before and after it', async () => {
    expect(
      await inOneBatch(
        moveMoney('x1', fromAlice(10)),
        transact('x2', [
          ['alice', -10],
          ['bob', -10],
          ['carol', 15],
          ['alice', 5],
        ]),
        moveMoney('x3', { source: 'carol', destination: 'bob', amount: '15' }),
        reverse('x4', 'x2'),
      ),
    ).toMatchObject([
      { transfer: { status: 'posted' } },
      { transfer: { kind: 'transaction', status: 'posted' } },
      { transfer: { status: 'posted' } },
      { transfer: { kind: 'reversal', status: 'rejected' }, rejection: { code: 'insufficient_funds' } },
    ]);
  });

  test('a limit that is raised, spent, and then cannot be lowered', async () => {
    await log.submit(createAccount('dora'));
    expect(
      await inOneBatch(
        limitOfDora('5', 'dora1'),
        moveMoney('d1', { source: 'dora', destination: 'bob', amount: '5' }),
        limitOfDora('4', 'dora2'),
      ),
    ).toMatchObject([
      { state: { overdraft_limit: '5', balances: { available: '5' } } },
      { transfer: { status: 'posted' } },
      { type: 'error', rejection: { code: 'insufficient_funds' } },
    ]);
  });
});

describe('an answer that changes nothing', () => {
  test('is the same again, though what it found was still on its way to the log', async () => {
    await log.submit(placeHold('h4', { account: 'alice', amount: '1' }, { expires_at: NOON }));
    // So many that they take several batches: the second is decided while the first is on its way.
    const requests = Array.from({ length: 800 }, (_, index) =>
      index === 0
        ? changeHold('h4', { type: 'hold.extend', expires_at: NIGHT })
        : changeHold('h4', { type: 'hold.extend', expires_at: NOON }),
    );
    const outcomes = await Promise.all(requests.map((request) => log.submit(request)));
    const other = await log.join();
    const again = await Promise.all(requests.map((request) => other.submit(request)));
    expect(again).toEqual(outcomes.map((outcome) => ({ ...outcome, replayed: true })));
  });
});

describe('an appender that has not heard of what another did', () => {
  test('lets go what the other has held, and moves it', async () => {
    await log.submit(createAccount('fred'));
    await log.submit(moveMoney('fred1', { source: 'world_EUR', destination: 'fred', amount: '10' }));
    const late = await log.join();
    await late.submit(moveMoney('fred2', { source: 'fred', destination: 'bob', amount: '1' }));
    await log.submit(placeHold('h6', { account: 'fred', amount: '2' }));
    await log.submit(placeHold('h7', { account: 'fred', amount: '3' }));
    await log.submit(
      moveMoney('w6', { source: 'fred', destination: 'bob', amount: '4' }, { approval_expires_at: NOON }),
    );
    expect(
      await Promise.all([
        late.submit(changeHold('h6', { type: 'hold.void' })),
        late.submit(changeHold('h7', { type: 'hold.capture', transfer: 'c7' })),
        late.submit(decision('w6', 'approve')),
      ]),
    ).toMatchObject([
      { hold: { status: 'voided' } },
      { hold: { status: 'captured' } },
      { transfer: { status: 'posted' } },
    ]);
  });

  test('is asked again for what the other has made, and for what follows it, at once', async () => {
    const request = moveMoney('w7', fromAlice(1), { approval_expires_at: NOON });
    const first = await log.submit(request);
    const late = await log.join();
    const [approved, again] = await Promise.all([
      late.submit(decision('w7', 'approve')),
      late.submit(request),
    ]);
    expect(approved).toMatchObject({ transfer: { status: 'posted' } });
    expect(again).toEqual({ ...first, replayed: true });
  });

  test('holds no money for an account that the other has closed', async () => {
    await log.submit(createAccount('gina'));
    const late = await log.join();
    await late.submit(placeHold('h8', { account: 'alice', amount: '1' }, { destination: 'gina' }));
    await log.submit(changeAccount('gina', { type: 'account.close' }));
    expect(
      await late.submit(placeHold('h9', { account: 'alice', amount: '1' }, { destination: 'gina' })),
    ).toMatchObject({ type: 'rejected', rejection: { code: 'account_closed' } });
  });
});

describe('an appender whose batch was refused', () => {
  test('forgets what it would have made: it is not there', async () => {
    await log.submit(createAccount('eve'));
    await log.submit(moveMoney('eve1', { source: 'world_EUR', destination: 'eve', amount: '10' }));
    const late = await log.join();
    await late.submit(moveMoney('eve2', { source: 'eve', destination: 'bob', amount: '1' }));
    // Behind its back the money goes.
    await log.submit(moveMoney('eve3', { source: 'eve', destination: 'bob', amount: '9' }));
    const [held, waiting] = await Promise.all([
      late.submit(placeHold('h5', { account: 'eve', amount: '4' }, { expires_at: NOON })),
      late.submit(
        moveMoney('w5', { source: 'eve', destination: 'bob', amount: '4' }, { approval_expires_at: NOON }),
      ),
    ]);
    expect(held).toMatchObject({ type: 'rejected', rejection: { code: 'insufficient_funds' } });
    expect(waiting).toMatchObject({ transfer: { status: 'rejected' } });
    const gone = { type: 'error', rejection: { code: 'hold_not_found' } };
    expect(await late.submit(changeHold('h5', { type: 'hold.void' }))).toMatchObject(gone);
    expect(await late.submit(changeHold('h5', { type: 'hold.extend', expires_at: NOON }))).toMatchObject(
      gone,
    );
    expect(await late.submit(decision('w5', 'approve'))).toMatchObject({
      rejection: { code: 'transfer_not_pending' },
    });
    expect(await late.submit(step('w5', { type: 'transfer.complete' }))).toMatchObject({
      transfer: { status: 'rejected' },
    });
  });
});

test('what all of this has left in the log is whole', async () => {
  const audit = new Audit({ ledger: log.ledger });
  for await (const some of log.reader.messages()) {
    for (const message of some) expect(audit.add(message).finding).toBeUndefined();
  }
  expect(audit.end()).toBeUndefined();
});
