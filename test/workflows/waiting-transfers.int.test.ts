import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CommandOutcome } from '../../api/commands/commands.ts';
import type { MovementRequest } from '../../messages/commands.ts';
import { inHours, openSkippingLedger, type SkippingLedger } from '../support/ledgers/skipping-ledger.ts';
import { decision, changeAccount, createAccount, moveMoney } from '../support/ledgers/test-ledger.ts';

let ledger: SkippingLedger;
beforeAll(async () => {
  ledger = await openSkippingLedger();
});
afterAll(() => ledger.close());

/** Two accounts of their own for each test; the first has 100. */
let source: string;
let destination: string;
let id: string;
beforeEach(async () => {
  [source, destination, id] = ['src', 'dst', 'tr'].map((name) => `${name}-${randomUUID().slice(0, 8)}`) as [
    string,
    string,
    string,
  ];
  await ledger.ask(createAccount(source));
  await ledger.ask(createAccount(destination));
  await ledger.ask(
    moveMoney(`d-${id}`, { source: 'world_EUR', destination: source, amount: '100' }, { kind: 'deposit' }),
  );
});

/** Asks for 40 to be moved when what is given has been waited for. */
const request = (waits: Partial<MovementRequest>) =>
  moveMoney(id, { source, destination, amount: '40' }, waits);
const both = () => request({ approval_expires_at: inHours(24), scheduled_for: inHours(48) });
const statusOf = (outcome: CommandOutcome) =>
  outcome.type === 'recorded' ? outcome.result.transfer?.status : outcome;
const codeOf = (outcome: CommandOutcome) =>
  outcome.type === 'error'
    ? outcome.rejection.code
    : outcome.type === 'recorded' && outcome.result.rejection?.code;
const handle = () => ledger.client.workflow.getHandle(`transfer/${id}`);
const UNTOUCHED = ['100', '0', '100'];

describe('a transfer that waits for approval', () => {
  test('holds the money, and moves it when it is approved', async () => {
    expect(statusOf(await ledger.ask(request({ approval_expires_at: inHours(1) })))).toBe(
      'awaiting_approval',
    );
    expect(await ledger.balances(source)).toEqual(['100', '40', '60']);
    expect(await handle().query('status')).toBe('awaiting_approval');
    expect(statusOf(await ledger.ask(decision(id, 'approve', { reason: 'fine' })))).toBe('posted');
    expect(await ledger.balances(source)).toEqual(['60', '0', '60']);
    expect(await ledger.balances(destination)).toEqual(['40', '0', '40']);
    expect(await handle().result()).toMatchObject({ ended: { status: 'posted' } });
  });

  test.each([
    ['reject', 'rejected'],
    ['cancel', 'cancelled'],
  ] as const)('lets the money go when somebody says %s', async (what, status) => {
    await ledger.ask(request({ approval_expires_at: inHours(1) }));
    expect(statusOf(await ledger.ask(decision(id, what, { reason: 'no' })))).toBe(status);
    expect(await ledger.balances(source)).toEqual(UNTOUCHED);
    expect(await ledger.now('transfer', id)).toEqual({ status, reason: 'no' });
  });

  test('expires when nobody answers in time, and lets the money go', async () => {
    await ledger.ask(request({ approval_expires_at: inHours(48) }));
    await ledger.sleep('47 hours');
    expect(await ledger.now('transfer', id)).toEqual({ status: 'awaiting_approval' });
    expect(await handle().result()).toMatchObject({ ended: { status: 'expired' } });
    expect(await ledger.balances(source)).toEqual(UNTOUCHED);
    expect(codeOf(await ledger.ask(decision(id, 'approve')))).toBe('transfer_not_pending');
  });

  test('cannot be held for if the money is not there: it is rejected at once', async () => {
    const outcome = await ledger.ask({ ...request({ approval_expires_at: inHours(1) }), amount: '101' });
    expect(statusOf(outcome)).toBe('rejected');
    expect(codeOf(outcome)).toBe('insufficient_funds');
  });

  test('is not called back once it has been completed, and nothing changes', async () => {
    await ledger.ask(request({ approval_expires_at: inHours(1) }));
    await ledger.ask(decision(id, 'approve'));
    for (const what of ['cancel', 'reject', 'approve'] as const) {
      expect(codeOf(await ledger.ask(decision(id, what)))).toBe('transfer_not_pending');
    }
    expect(await ledger.now('transfer', id)).toEqual({ status: 'posted' });
    expect(await ledger.balances(destination)).toEqual(['40', '0', '40']);
  });

  test('is approved or cancelled, never both, when both come at once', async () => {
    await ledger.ask(request({ approval_expires_at: inHours(1) }));
    const outcomes = await Promise.all(
      (['approve', 'cancel', 'approve', 'reject'] as const).map((what) => ledger.ask(decision(id, what))),
    );
    expect(outcomes.filter(({ type }) => type === 'recorded')).toHaveLength(1);
    const { status } = await ledger.now('transfer', id);
    expect(await ledger.balances(source)).toEqual(status === 'posted' ? ['60', '0', '60'] : UNTOUCHED);
  });
});

describe('a transfer that waits for its date', () => {
  test('holds nothing, and moves what is there when the day comes', async () => {
    expect(statusOf(await ledger.ask(request({ scheduled_for: inHours(24) })))).toBe('scheduled');
    expect(await ledger.balances(source)).toEqual(UNTOUCHED);
    expect(await handle().result()).toMatchObject({ ended: { status: 'posted' } });
    expect(await ledger.balances(source)).toEqual(['60', '0', '60']);
  });

  test('fails if the money is not there on that day', async () => {
    await ledger.ask(request({ scheduled_for: inHours(24) }));
    await ledger.ask(moveMoney(`o-${id}`, { source, destination, amount: '90' }));
    expect(await handle().result()).toMatchObject({
      ended: { status: 'failed', reason: 'insufficient_funds' },
    });
    expect(await ledger.balances(source)).toEqual(['10', '0', '10']);
  });

  test('may be cancelled before, and needs no approval', async () => {
    await ledger.ask(request({ scheduled_for: inHours(24) }));
    expect(codeOf(await ledger.ask(decision(id, 'approve')))).toBe('transfer_not_pending');
    expect(statusOf(await ledger.ask(decision(id, 'cancel')))).toBe('cancelled');
    expect(await handle().result()).toMatchObject({ ended: { status: 'cancelled' } });
  });

  test('that has passed already moves at once', async () => {
    await ledger.ask(request({ scheduled_for: inHours(-1) }));
    expect(await handle().result()).toMatchObject({ ended: { status: 'posted' } });
  });
});

describe('a transfer that waits for approval and for its date', () => {
  test('keeps the money held from the first to the last', async () => {
    await ledger.ask(both());
    expect(statusOf(await ledger.ask(decision(id, 'approve')))).toBe('scheduled');
    await ledger.sleep('30 hours');
    expect(await ledger.balances(source)).toEqual(['100', '40', '60']);
    expect(await handle().result()).toMatchObject({ ended: { status: 'posted' } });
    expect(await ledger.balances(source)).toEqual(['60', '0', '60']);
  });

  test('expires if it is not approved, and may be cancelled after it was', async () => {
    await ledger.ask(both());
    await ledger.ask(decision(id, 'approve'));
    expect(codeOf(await ledger.ask(decision(id, 'reject')))).toBe('transfer_not_pending');
    expect(statusOf(await ledger.ask(decision(id, 'cancel')))).toBe('cancelled');
    expect(await ledger.balances(source)).toEqual(UNTOUCHED);
  });

  test('that is approved after its date moves at once', async () => {
    await ledger.ask(request({ approval_expires_at: inHours(24), scheduled_for: inHours(-1) }));
    expect(await ledger.now('transfer', id)).toEqual({ status: 'awaiting_approval' });
    const approval = decision(id, 'approve', { requested_at: inHours(0) });
    expect(statusOf(await ledger.ask(approval))).toBe('posted');
  });
});

describe('what happens to the accounts in the meantime', () => {
  test('a frozen source, when it is approved: the transfer fails, and the money is let go', async () => {
    await ledger.ask(request({ approval_expires_at: inHours(1) }));
    await ledger.ask(changeAccount(source, { type: 'account.freeze' }));
    const outcome = await ledger.ask(decision(id, 'approve'));
    expect(codeOf(outcome)).toBe('account_frozen');
    expect(await ledger.now('transfer', id)).toEqual({ status: 'failed', reason: 'account_frozen' });
    expect(await ledger.balances(source)).toEqual(UNTOUCHED);
    expect(await handle().result()).toMatchObject({ ended: { status: 'failed' } });
  });

  test('a source that is frozen, and unfrozen before the answer, does not matter', async () => {
    await ledger.ask(request({ approval_expires_at: inHours(1) }));
    await ledger.ask(changeAccount(source, { type: 'account.freeze' }));
    await ledger.ask(changeAccount(source, { type: 'account.unfreeze' }));
    expect(statusOf(await ledger.ask(decision(id, 'approve')))).toBe('posted');
  });

  test('a source with money held cannot be closed', async () => {
    await ledger.ask(request({ approval_expires_at: inHours(1) }));
    await ledger.ask(moveMoney(`o-${id}`, { source, destination, amount: '60' }));
    expect(codeOf(await ledger.ask(changeAccount(source, { type: 'account.close' })))).toBe(
      'account_not_empty',
    );
  });

  test('a source that was closed before the day: the transfer fails', async () => {
    await ledger.ask(request({ scheduled_for: inHours(24) }));
    await ledger.ask(moveMoney(`o-${id}`, { source, destination, amount: '100' }));
    await ledger.ask(changeAccount(source, { type: 'account.close' }));
    expect(await handle().result()).toMatchObject({ ended: { status: 'failed', reason: 'account_closed' } });
  });

  test('a destination that was closed: the transfer fails, and the money is let go', async () => {
    await ledger.ask(request({ approval_expires_at: inHours(1) }));
    await ledger.ask(changeAccount(destination, { type: 'account.close' }));
    expect(codeOf(await ledger.ask(decision(id, 'approve')))).toBe('account_closed');
    expect(await ledger.balances(source)).toEqual(UNTOUCHED);
  });
});

describe('its workflow', () => {
  test('takes an answer from the Temporal UI, with a reason or without anything', async () => {
    await ledger.ask(request({ approval_expires_at: inHours(1) }));
    await expect(handle().executeUpdate('approve', { args: [{ reason: '' }] })).rejects.toThrow(
      'Update failed',
    );
    await expect(handle().executeUpdate('approve', { args: [{ reason: 'x'.repeat(501) }] })).rejects.toThrow(
      'Update failed',
    );
    expect(await ledger.now('transfer', id)).toEqual({ status: 'awaiting_approval' });
    expect(await handle().executeUpdate('approve')).toMatchObject({ transfer: { status: 'posted' } });
  });

  test('that is cancelled in the Temporal UI lets the money go', async () => {
    await ledger.ask(request({ approval_expires_at: inHours(1) }));
    await handle().cancel();
    await expect(handle().result()).rejects.toThrow('cancelled');
    expect(await ledger.now('transfer', id)).toMatchObject({ status: 'cancelled' });
    expect(await ledger.balances(source)).toEqual(UNTOUCHED);
  });

  test('that was terminated is not needed: the next answer goes on from the log', async () => {
    await ledger.ask(request({ approval_expires_at: inHours(1), scheduled_for: inHours(24) }));
    await handle().terminate('by mistake');
    expect(statusOf(await ledger.ask(decision(id, 'approve')))).toBe('scheduled');
    // The run that took the answer sees the transfer through to its day.
    expect(await handle().result()).toMatchObject({ ended: { status: 'posted' } });
    expect(await ledger.balances(source)).toEqual(['60', '0', '60']);
  });

  test('that was terminated is started again by the same request, which is answered as it was', async () => {
    const asked = request({ approval_expires_at: inHours(1) });
    const first = await ledger.ask(asked);
    await handle().terminate('by mistake');
    const again = await ledger.ask(asked);
    expect(again).toMatchObject({ type: 'recorded', replayed: true });
    expect(again.type === 'recorded' && again.result.transfer).toEqual(
      first.type === 'recorded' && first.result.transfer,
    );
    // And it waits on: the time still runs out.
    expect(await handle().result()).toMatchObject({ ended: { status: 'expired' } });
    expect(await ledger.balances(source)).toEqual(UNTOUCHED);
  });
});

describe('the same command again', () => {
  test('has the answer of the first time, whatever has happened since', async () => {
    const asked = request({ approval_expires_at: inHours(1) });
    const first = await ledger.ask(asked);
    const approval = decision(id, 'approve');
    const approved = await ledger.ask(approval);
    for (const [command, outcome] of [
      [asked, first],
      [approval, approved],
    ] as const) {
      const again = await ledger.ask(command);
      expect(again).toMatchObject({ type: 'recorded', replayed: true });
      expect(again.type === 'recorded' && again.result.transfer).toEqual(
        outcome.type === 'recorded' && outcome.result.transfer,
      );
    }
    expect(await ledger.balances(destination)).toEqual(['40', '0', '40']);
  });

  test('with another body is refused', async () => {
    const asked = request({ approval_expires_at: inHours(1) });
    await ledger.ask(asked);
    const other = { ...asked, amount: '1', fingerprint: 'another body' };
    expect(codeOf(await ledger.ask(other))).toBe('idempotency_key_reused');
    const approval = decision(id, 'approve');
    await ledger.ask(approval);
    expect(codeOf(await ledger.ask({ ...approval, fingerprint: 'another body' }))).toBe(
      'idempotency_key_reused',
    );
  });
});
