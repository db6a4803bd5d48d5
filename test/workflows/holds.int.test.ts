import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CommandOutcome } from '../../api/commands/commands.ts';
import { inHours, openSkippingLedger, type SkippingLedger } from '../support/ledgers/skipping-ledger.ts';
import {
  changeAccount,
  changeHold,
  createAccount,
  moveMoney,
  placeHold,
} from '../support/ledgers/test-ledger.ts';

let ledger: SkippingLedger;
beforeAll(async () => {
  ledger = await openSkippingLedger();
});
afterAll(() => ledger.close());

/** An account of its own for each test, with 100. */
let account: string;
let id: string;
beforeEach(async () => {
  account = `acc-${randomUUID().slice(0, 8)}`;
  id = `hold-${randomUUID().slice(0, 8)}`;
  await ledger.ask(createAccount(account));
  await ledger.ask(
    moveMoney(`d-${id}`, { source: 'world_EUR', destination: account, amount: '100' }, { kind: 'deposit' }),
  );
});

const place = (more: Parameters<typeof placeHold>[2] = {}) => placeHold(id, { account, amount: '40' }, more);
const capture = (amount?: string) => {
  const part = amount === undefined ? {} : { amount };
  return changeHold(id, { type: 'hold.capture', transfer: `c-${randomUUID().slice(0, 8)}`, ...part });
};
const holdOf = (outcome: CommandOutcome) => (outcome.type === 'recorded' ? outcome.result.hold : outcome);
const codeOf = (outcome: CommandOutcome) =>
  outcome.type === 'error'
    ? outcome.rejection.code
    : outcome.type === 'recorded' && outcome.result.rejection?.code;
const handle = () => ledger.client.workflow.getHandle(`hold/${id}`);

describe('a hold', () => {
  test('sets money aside, and a capture of a part takes that and lets the rest go', async () => {
    expect(holdOf(await ledger.ask(place()))).toMatchObject({ status: 'active', captured: '0' });
    expect(await ledger.balances(account)).toEqual(['100', '40', '60']);
    expect(holdOf(await ledger.ask(capture('30')))).toMatchObject({ status: 'captured', captured: '30' });
    expect(await ledger.balances(account)).toEqual(['70', '0', '70']);
  });

  test('is captured to the destination of the capture, or its own, or out of the ledger', async () => {
    const own = `own-${id}`;
    const other = `other-${id}`;
    for (const each of [own, other]) await ledger.ask(createAccount(each));
    await ledger.ask(place({ destination: own }));
    await ledger.ask(capture());
    expect(await ledger.balances(own)).toEqual(['40', '0', '40']);
    id = `${id}-2`;
    await ledger.ask(place({ destination: own }));
    await ledger.ask({ ...capture('5'), destination: other } as ReturnType<typeof capture>);
    expect(await ledger.balances(other)).toEqual(['5', '0', '5']);
  });

  test('of more than there is, is refused, and the key gets the same refusal when there is enough', async () => {
    const asked = { ...place(), amount: '101' };
    expect(codeOf(await ledger.ask(asked))).toBe('insufficient_funds');
    await ledger.ask(moveMoney(`more-${id}`, { source: 'world_EUR', destination: account, amount: '100' }));
    const again = await ledger.ask(asked);
    expect(codeOf(again)).toBe('insufficient_funds');
    expect(again).toMatchObject({ replayed: true });
    expect(await ledger.balances(account)).toEqual(['200', '0', '200']);
  });

  test('that two void at once in the same words is voided for one; the other hears that it was too late', async () => {
    for (let round = 0; round < 5; round++) {
      id = `${id}-${round}`;
      await ledger.ask(place());
      // Other keys, the same words: over HTTP these have the same fingerprint.
      const letGo = () => changeHold(id, { type: 'hold.void' }, { fingerprint: `void ${id}` });
      const outcomes = await Promise.all([ledger.ask(letGo()), ledger.ask(letGo())]);
      expect(outcomes.filter((outcome) => holdOf(outcome) !== outcome && !codeOf(outcome))).toHaveLength(1);
      expect(outcomes.map(codeOf)).toContain('hold_not_active');
    }
  });

  test('on a frozen account is refused; one that is there is voided, but not captured until it is unfrozen', async () => {
    await ledger.ask(place());
    await ledger.ask(changeAccount(account, { type: 'account.freeze' }));
    expect(codeOf(await ledger.ask(capture()))).toBe('account_frozen');
    expect(codeOf(await ledger.ask(placeHold(`${id}-2`, { account, amount: '1' })))).toBe('account_frozen');
    expect(await ledger.now('hold', id)).toEqual({ status: 'active' });
    await ledger.ask(changeAccount(account, { type: 'account.unfreeze' }));
    expect(holdOf(await ledger.ask(capture()))).toMatchObject({ status: 'captured' });
  });

  test('is never captured above what it holds', async () => {
    await ledger.ask(place());
    expect(codeOf(await ledger.ask(capture('41')))).toBe('amount_exceeds_hold');
    expect(await ledger.now('hold', id)).toEqual({ status: 'active' });
  });
});

describe('a hold that expires', () => {
  test('lets the money go when its time has come', async () => {
    await ledger.ask(place({ expires_at: inHours(24) }));
    await ledger.sleep('23 hours');
    expect(await ledger.now('hold', id)).toEqual({ status: 'active' });
    expect(await handle().result()).toMatchObject({ ended: { status: 'expired' } });
    expect(await ledger.balances(account)).toEqual(['100', '0', '100']);
    expect(codeOf(await ledger.ask(capture()))).toBe('hold_not_active');
  });

  test('may be extended, again and again; it is never shortened', async () => {
    await ledger.ask(place({ expires_at: inHours(24) }));
    await ledger.ask(changeHold(id, { type: 'hold.extend', expires_at: inHours(72) }));
    const shorter = await ledger.ask(changeHold(id, { type: 'hold.extend', expires_at: inHours(1) }));
    expect(holdOf(shorter)).toMatchObject({ status: 'active' });
    await ledger.sleep('48 hours');
    expect(await ledger.now('hold', id)).toEqual({ status: 'active' });
    expect(await handle().result()).toMatchObject({ ended: { status: 'expired' } });
  });

  test('that is captured or voided before is over, and so is its workflow', async () => {
    await ledger.ask(place({ expires_at: inHours(24) }));
    await ledger.ask(capture());
    expect(await handle().result()).toMatchObject({ ended: { status: 'captured' } });
    id = `${id}-2`;
    await ledger.ask(place({ expires_at: inHours(24) }));
    await ledger.ask(changeHold(id, { type: 'hold.void', reason: 'not needed' }));
    expect(await handle().result()).toMatchObject({ ended: { status: 'voided' } });
    expect(await ledger.now('hold', id)).toEqual({ status: 'voided', reason: 'not needed' });
  });

  test('that had no end gets one when it is extended', async () => {
    await ledger.ask(place());
    await ledger.ask(changeHold(id, { type: 'hold.extend', expires_at: inHours(24) }));
    expect(await handle().result()).toMatchObject({ ended: { status: 'expired' } });
    expect(await ledger.balances(account)).toEqual(['100', '0', '100']);
  });

  test('ends in exactly one way when capture, void and expiry come at once', async () => {
    await ledger.ask(place({ expires_at: inHours(24) }));
    const [captured, voided, expired, again] = await Promise.all([
      ledger.ask(capture('30')),
      ledger.ask(changeHold(id, { type: 'hold.void' })),
      handle().result(),
      ledger.ask(capture('30')),
    ]);
    const { status } = await ledger.now('hold', id);
    expect(expired).toMatchObject({ ended: { status } });
    const won = [captured, voided, again].filter(({ type }) => type === 'recorded');
    expect(won).toHaveLength(status === 'expired' ? 0 : 1);
    const events = [];
    for await (const some of ledger.reader.events({ aggregate: { aggregate: 'hold', id } }))
      events.push(...some);
    expect(events).toHaveLength(2);
    expect(await ledger.balances(account)).toEqual(
      status === 'captured' ? ['70', '0', '70'] : ['100', '0', '100'],
    );
  });

  test('whose workflow is cancelled in the Temporal UI is voided', async () => {
    await ledger.ask(place({ expires_at: inHours(24) }));
    await handle().cancel();
    await expect(handle().result()).rejects.toThrow('cancelled');
    expect(await ledger.now('hold', id)).toMatchObject({ status: 'voided' });
    expect(await ledger.balances(account)).toEqual(['100', '0', '100']);
  });

  test('whose workflow was terminated is captured all the same', async () => {
    await ledger.ask(place({ expires_at: inHours(24) }));
    await handle().terminate('by mistake');
    expect(holdOf(await ledger.ask(capture()))).toMatchObject({ status: 'captured' });
  });
});

describe('the same command again', () => {
  test('has the answer of the first time', async () => {
    for (const command of [
      place({ expires_at: inHours(24) }),
      changeHold(id, { type: 'hold.extend', expires_at: inHours(48) }),
      capture('30'),
    ]) {
      const first = await ledger.ask(command);
      const again = await ledger.ask(command);
      expect(first).toMatchObject({ type: 'recorded', replayed: false });
      expect(again).toMatchObject({ type: 'recorded', replayed: true });
      expect(holdOf(again)).toEqual(holdOf(first));
      const other = { ...command, fingerprint: 'another body' };
      expect(codeOf(await ledger.ask(other))).toBe('idempotency_key_reused');
    }
    expect(await ledger.balances(account)).toEqual(['70', '0', '70']);
  });
});
