/** A ledger with something of everything, on the server that the run started. */
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
} from '../support/ledgers/test-ledger.ts';

/**
 * 1-2 alice created with a receipt, 3 bob created; then each a command of its own: 4-6 a deposit `d1` of 1000, 7-9 `t1`
 * alice to bob 300, 10 `no` refused, 11-13 `t2` bob to alice 100, 14-16 `t3` alice to bob 1, and more deposits in one batch.
 */
export async function openSomeLedger(deposits = 0): Promise<TestLedger> {
  const log = await openTestLedger();
  await log.submit(createAccount('alice', { idempotency_key: 'key-of-alice' }));
  await log.submit(createAccount('bob'));
  await log.submit(
    moveMoney('d1', { source: 'world_EUR', destination: 'alice', amount: '1000' }, { kind: 'deposit' }),
  );
  await log.submit(
    moveMoney('t1', { source: 'alice', destination: 'bob', amount: '300' }, { reference: 'rent' }),
  );
  await log.submit(moveMoney('no', { source: 'bob', destination: 'alice', amount: '99999' }));
  await log.submit(moveMoney('t2', { source: 'bob', destination: 'alice', amount: '100' }));
  await log.submit(moveMoney('t3', { source: 'alice', destination: 'bob', amount: '1' }));
  await Promise.all(
    Array.from({ length: deposits }, (_, index) =>
      log.submit(moveMoney(`more-${index}`, { source: 'world_EUR', destination: 'bob', amount: '1' })),
    ),
  );
  return log;
}

/** When transfers and holds that wait would expire. */
export const LATER = '2027-01-01T00:00:00.000Z';

/**
 * A ledger with what waits. 1-3 alice, bob and fees created, 4-6 a deposit `d1` of 1000; 7-8 `t1` alice to bob 300 asked
 * for, 9-14 approved; 15-17 `h1` of 200 on alice placed, 18-23 of it 150 captured by `c1`; 24-28 the transaction `x1`;
 * 29-32 `r1` undoes 100 of `t1`; 33-35 `h2` of 50 on alice placed, 36-37 extended; 38-39 `t2` alice to bob 7 asked for;
 * 40-41 `t3` by a rail asked for, 42 parked, 43-44 failed; 45-46 `t4` asked for, 47-49 rejected; 50 the limit of bob
 * changed, 51 bob frozen. So `h2` and `t2` still wait.
 */
export async function openWaitingLedger(): Promise<TestLedger> {
  const log = await openTestLedger();
  const between = { source: 'alice', destination: 'bob' };
  const approval_expires_at = LATER;
  for (const id of ['alice', 'bob', 'fees']) await log.submit(createAccount(id));
  await log.submit(
    moveMoney('d1', { source: 'world_EUR', destination: 'alice', amount: '1000' }, { kind: 'deposit' }),
  );
  await log.submit(moveMoney('t1', { ...between, amount: '300' }, { approval_expires_at }));
  await log.submit(decision('t1', 'approve', { reason: 'fine' }));
  await log.submit(placeHold('h1', { account: 'alice', amount: '200' }, { expires_at: LATER }));
  await log.submit(changeHold('h1', { type: 'hold.capture', transfer: 'c1', amount: '150' }));
  await log.submit(
    transact('x1', [
      ['alice', -10],
      ['bob', 6],
      ['bob', 3],
      ['fees', 1],
    ]),
  );
  await log.submit(reverse('r1', 't1', { amount: '100' }));
  await log.submit(placeHold('h2', { account: 'alice', amount: '50' }, { expires_at: LATER }));
  await log.submit(changeHold('h2', { type: 'hold.extend', expires_at: LATER.replace('2027', '2028') }));
  await log.submit(moveMoney('t2', { ...between, amount: '7' }, { approval_expires_at }));
  await log.submit(moveMoney('t3', { ...between, amount: '8' }, { rail: 'sepa' }));
  await log.submit(step('t3', { type: 'transfer.park', reason: 'no answer\nfrom the bank' }));
  await log.submit(step('t3', { type: 'transfer.fail', code: 'rail_declined', detail: 'No such account.' }));
  await log.submit(moveMoney('t4', { ...between, amount: '9' }, { approval_expires_at }));
  await log.submit(decision('t4', 'reject', { reason: 'too much' }));
  await log.submit(changeAccount('bob', { type: 'account.update', overdraft_limit: '500' }));
  await log.submit(changeAccount('bob', { type: 'account.freeze', reason: 'lost card' }));
  return log;
}
