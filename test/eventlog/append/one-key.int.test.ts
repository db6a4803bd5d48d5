/** One key stands for one command, of whatever kind: a transfer and a receipt never share the id that a key gives. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { idempotencyKey } from '../../../api/commands/idempotency.ts';
import type { CommandRequest } from '../../../messages/commands.ts';
import {
  changeAccount,
  changeHold,
  createAccount,
  moveMoney,
  openTestLedger,
  placeHold,
  type TestLedger,
} from '../../support/ledgers/test-ledger.ts';

let log: TestLedger;
beforeAll(async () => {
  log = await openTestLedger();
  await Promise.all(['alice', 'bob'].map((id) => log.submit(createAccount(id))));
  await log.submit(moveMoney('funds', { source: 'world_EUR', destination: 'alice', amount: '100000' }));
});
afterAll(() => log.close());

/** Commands as the API makes them of a key: what each of them says of itself, and where it is remembered. */
function requestsOf(text: string) {
  const key = idempotencyKey(text);
  const idempotency_key = key.keyHash;
  const receipt = (kind: string) => {
    return { idempotency_key, receipt_id: key.transferId, fingerprint: `${kind} ${text}` };
  };
  return {
    transfer: () =>
      moveMoney(
        key.transferId,
        { source: 'alice', destination: 'bob', amount: '1' },
        { idempotency_key, fingerprint: `transfer ${text}` },
      ),
    'refused transfer': () =>
      moveMoney(
        key.transferId,
        { source: 'bob', destination: 'alice', amount: '999999' },
        { idempotency_key, fingerprint: `refused ${text}` },
      ),
    hold: () => placeHold(key.holdId, { account: 'alice', amount: '1' }, receipt('hold')),
    account: () => createAccount(key.accountId, receipt('account')),
    change: () => changeAccount('bob', { type: 'account.update', overdraft_limit: '5' }, receipt('change')),
  } satisfies Record<string, () => CommandRequest>;
}

type Kind = keyof ReturnType<typeof requestsOf>;
const KINDS: readonly Kind[] = ['transfer', 'refused transfer', 'hold', 'account', 'change'];
const PAIRS = KINDS.flatMap((one) =>
  KINDS.filter((other) => other !== one).map((other) => [one, other] as const),
);

const REUSED = { type: 'error', rejection: { code: 'idempotency_key_reused' } };
const newKey = () => randomUUID();

describe('a key that was used', () => {
  test.each(PAIRS)('for a %s is not used for a %s, by whomever it is asked', async (one, other) => {
    const made = requestsOf(newKey());
    const first = await log.submit(made[one]());
    expect(first.type).not.toBe('error');
    const end = await log.reader.lastPosition();
    const neighbour = moveMoney(randomUUID(), { source: 'alice', destination: 'bob', amount: '1' });
    const second = await log.join();
    const [refused, carried] = await Promise.all([log.submit(made[other]()), log.submit(neighbour)]);
    expect(refused).toMatchObject(REUSED);
    expect(carried).toMatchObject({ type: 'transfer', transfer: { status: 'posted' } });
    expect(await second.submit(made[other]())).toMatchObject(REUSED);
    // Only the neighbour's three events have come.
    expect(await log.reader.lastPosition()).toBe(end + 3);
    expect(await second.submit(made[one]())).toEqual({ ...first, replayed: true });
  });

  test.each(PAIRS)('for a %s and a %s at once is used for one of them', async (one, other) => {
    const made = requestsOf(newKey());
    const second = await log.join();
    const here = await Promise.all([log.submit(made[one]()), log.submit(made[other]())]);
    expect(here.filter(({ type }) => type === 'error')).toMatchObject([REUSED]);
    const apart = requestsOf(newKey());
    const there = await Promise.all([log.submit(apart[one]()), second.submit(apart[other]())]);
    expect(there.filter(({ type }) => type === 'error')).toMatchObject([REUSED]);
  });
});

test('an account that has taken the id of a key’s transfer keeps that key from being used, and nobody waits', async () => {
  const made = requestsOf(newKey());
  await log.submit(createAccount(made.transfer().id));
  const neighbour = moveMoney(randomUUID(), { source: 'alice', destination: 'bob', amount: '1' });
  const [refused, carried] = await Promise.all([log.submit(made.transfer()), log.submit(neighbour)]);
  expect(refused).toMatchObject(REUSED);
  expect(carried).toMatchObject({ type: 'transfer', transfer: { status: 'posted' } });
});

/**
 * A hold is voided and captured by one appender while another one records that the same capture is rejected. It is known
 * that the void came later by its position.
 */
test('a command that another appender has recorded gets no error for what was changed after that', async () => {
  const other = await log.join();
  let rejected = 0;
  for (let round = 0; round < 300; round += 1) {
    const id = `hold-${newKey()}`;
    await log.submit(placeHold(id, { account: 'alice', amount: '1' }));
    const key = { idempotency_key: newKey(), fingerprint: 'capture' };
    const capture = { type: 'hold.capture', transfer: `capture-${id}`, destination: 'alice' } as const;
    const elsewhere = other.submit(changeHold(id, capture, key));
    // Up to two milliseconds later, so that the two meet in every order.
    for (let turns = 0; turns < round % 40; turns += 1) await new Promise((next) => setImmediate(next));
    const voiding = log.submit(changeHold(id, { type: 'hold.void' }));
    const [here, there, voided] = await Promise.all([
      log.submit(changeHold(id, capture, key)),
      elsewhere,
      voiding,
    ]);
    if (there.type !== 'rejected' || voided.type !== 'hold') continue;
    rejected += 1;
    if (there.position < voided.position) expect(here).toEqual({ ...there, replayed: true });
  }
  expect(rejected).toBeGreaterThan(0);
});
