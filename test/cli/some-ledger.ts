/** A ledger with something of everything, on the server that the run started. */
import { createAccount, moveMoney, openTestLedger, type TestLedger } from '../support/test-ledger.ts';

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
