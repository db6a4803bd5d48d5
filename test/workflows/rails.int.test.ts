import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RAIL_DEFAULTS } from '../../activities/rails.ts';
import type { CommandOutcome } from '../../api/commands/commands.ts';
import type { PaymentOutcome } from '../../contracts/rails.ts';
import type { CommandMeta, RailReportRequest, ResolveRequest } from '../../messages/commands.ts';
import type { PaymentStatus, Rail } from '../../rails/rail.ts';
import { openSkippingLedger, type SkippingLedger } from '../support/ledgers/skipping-ledger.ts';
import { decision, createAccount, moveMoney } from '../support/ledgers/test-ledger.ts';

/** A rail that says to each payment what the test has it say, and remembers what it was told. */
const scripts = new Map<string, (said: string[]) => PaymentStatus>();
const heard = new Map<string, string[]>();
function scripted(id: string, what: 'submit' | 'ask'): Promise<PaymentStatus> {
  const said = [...(heard.get(id) ?? []), what];
  heard.set(id, said);
  return Promise.resolve(scripts.get(id)?.(said) ?? { state: 'accepted' });
}
const rail: Rail = { submit: ({ id: of }) => scripted(of, 'submit'), status: (of) => scripted(of, 'ask') };

let ledger: SkippingLedger;
beforeAll(async () => {
  // The patience of production, a day: time passes at once here.
  ledger = await openSkippingLedger({ ...RAIL_DEFAULTS, rails: new Map([['sepa', rail]]) });
});
afterAll(() => ledger.close());

/** An account with 100 for each test. */
let source: string;
let id: string;
beforeEach(async () => {
  source = `src-${randomUUID().slice(0, 8)}`;
  id = `tr-${randomUUID().slice(0, 8)}`;
  await ledger.ask(createAccount(source));
  const funds = { source: 'world_EUR', destination: source, amount: '100' };
  await ledger.ask(moveMoney(`d-${id}`, funds, { kind: 'deposit' }));
});

/** Sends 40 out through a rail that behaves so. */
async function payOut(script: (said: string[]) => PaymentStatus, through = 'sepa'): Promise<CommandOutcome> {
  scripts.set(id, script);
  const out = { source, destination: 'world_EUR', amount: '40' };
  return ledger.ask(moveMoney(id, out, { kind: 'withdrawal', rail: through }));
}

const meta = (): CommandMeta => ({
  command_id: randomUUID(),
  fingerprint: randomUUID(),
  requested_at: new Date().toISOString(),
  actor: 'test',
});
const callback = (said: PaymentOutcome, from = 'sepa'): RailReportRequest => ({
  ...meta(),
  type: 'transfer.railReported',
  id,
  rail: from,
  ...said,
});
const resolve = (outcome: ResolveRequest['outcome']): ResolveRequest => ({
  ...meta(),
  type: 'transfer.resolve',
  id,
  outcome,
});
const statusOf = (outcome: CommandOutcome) =>
  outcome.type === 'recorded' ? outcome.result.transfer?.status : outcome;
const codeOf = (outcome: CommandOutcome) => outcome.type === 'error' && outcome.rejection.code;
const handle = () => ledger.client.workflow.getHandle(`transfer/${id}`);
const now = () => ledger.now('transfer', id);
const HELD = ['100', '40', '60'];
const OUT = ['60', '0', '60'];
const BACK = ['100', '0', '100'];

describe('a rail that takes its time', () => {
  test('is asked until it has settled, more and more seldom, and the money is held so long', async () => {
    const outcome = await payOut((said) => ({ state: said.length < 100 ? 'accepted' : 'settled' }));
    expect(statusOf(outcome)).toBe('pending');
    await ledger.sleep('6 hours');
    expect([await now(), await ledger.balances(source)]).toEqual([{ status: 'pending' }, HELD]);
    expect(await handle().result()).toMatchObject({ ended: { status: 'posted' } });
    expect(await ledger.balances(source)).toEqual(OUT);
    const said = heard.get(id) ?? [];
    expect([said[0], new Set(said.slice(1)), said.length]).toEqual(['submit', new Set(['ask']), 100]);
    const { status } = await handle().describe();
    expect(status.name).toBe('COMPLETED');
    // However often it was asked, the history is short.
    expect((await handle().describe()).historyLength).toBeLessThan(40);
  });

  test('need not be asked any more when it has called back', async () => {
    await payOut(() => ({ state: 'accepted' }));
    await ledger.sleep('2 hours');
    expect(statusOf(await ledger.ask(callback({ state: 'settled' })))).toBe('posted');
    expect(await handle().result()).toMatchObject({ ended: { status: 'posted' } });
    expect(await ledger.balances(source)).toEqual(OUT);
    const asked = heard.get(id)?.length;
    await ledger.sleep('3 hours');
    expect(heard.get(id)).toHaveLength(asked ?? 0);
  });

  test('and loses what it was given, is given it again, under the same id', async () => {
    await payOut((said) => {
      if (said.length < 3) return { state: 'uncertain', why: 'it hung up' };
      if (said.at(-1) === 'submit') return { state: 'settled' };
      return { state: 'missing' };
    });
    expect(await handle().result()).toMatchObject({ ended: { status: 'posted' } });
    expect(heard.get(id)).toEqual(['submit', 'ask', 'ask', 'submit']);
  });
});

describe('when nobody knows', () => {
  test('for a day, the transfer is parked with the last reason; nothing is guessed', async () => {
    await payOut(() => ({ state: 'uncertain', why: 'it answered 503' }));
    await ledger.sleep('23 hours');
    expect(await now()).toEqual({ status: 'pending' });
    expect(codeOf(await ledger.ask(resolve('failed')))).toBe('transfer_not_pending');
    await ledger.sleep('2 hours');
    await expect.poll(now).toEqual({
      status: 'pending',
      reason: expect.stringMatching(/^The rail sepa did not report an outcome.*: it answered 503$/),
    });
    expect(await ledger.balances(source)).toEqual(HELD);
    // For months, if need be.
    await ledger.sleep('100 days');
    expect([(await now()).status, await ledger.balances(source)]).toEqual(['pending', HELD]);
    expect(statusOf(await ledger.ask(resolve('failed')))).toBe('failed');
    expect(await handle().result()).toMatchObject({ ended: { status: 'failed' } });
    expect(await ledger.balances(source)).toEqual(BACK);
  });

  test('because no worker knows the rail any more, it is parked too', async () => {
    await payOut(() => ({ state: 'settled' }), 'gone');
    await ledger.sleep('25 hours');
    await expect.poll(now).toMatchObject({ reason: expect.stringMatching(/knows no rail gone/) });
    expect(await ledger.balances(source)).toEqual(HELD);
  });

  test('not even the rail, it is parked at once, and resolved from the Temporal UI by its outcome', async () => {
    await payOut(() => ({ state: 'unknown', reason: 'a fire' }));
    await expect
      .poll(now)
      .toMatchObject({ reason: 'The rail sepa does not know the outcome of the payment: a fire' });
    const nonsense = handle().executeUpdate('resolve', { args: [{ outcome: 'lost' }] });
    await expect(nonsense).rejects.toThrow('Workflow Update failed');
    await handle().executeUpdate('resolve', { args: [{ outcome: 'completed', reason: 'on the statement' }] });
    expect(await now()).toEqual({ status: 'posted', reason: 'on the statement' });
    expect(await ledger.balances(source)).toEqual(OUT);
  });

  test('and then the rail does after all, its word ends it', async () => {
    await payOut(() => ({ state: 'unknown' }));
    await expect.poll(now).toMatchObject({ reason: expect.stringMatching(/does not know/) });
    expect(statusOf(await ledger.ask(callback({ state: 'declined', reason: 'closed' })))).toBe('failed');
    expect(await ledger.balances(source)).toEqual(BACK);
    expect(codeOf(await ledger.ask(resolve('completed')))).toBe('transfer_not_pending');
  });
});

describe('callbacks', () => {
  test('that contradict each other at the same time: one of them counts', async () => {
    await payOut(() => ({ state: 'accepted' }));
    const said = (['settled', 'declined', 'settled', 'declined'] as const).map((state) =>
      ledger.ask(callback({ state })),
    );
    const statuses = new Set((await Promise.all(said)).map(statusOf));
    const { status } = await now();
    expect(statuses).toEqual(new Set([status]));
    expect(await ledger.balances(source)).toEqual(status === 'posted' ? OUT : BACK);
  });

  test('that come when all is over change nothing, and tell how it ended', async () => {
    await payOut(() => ({ state: 'settled' }));
    await handle().result();
    const last = await ledger.reader.last({ aggregate: 'transfer', id });
    for (const state of ['settled', 'declined', 'unknown'] as const) {
      expect(statusOf(await ledger.ask(callback({ state })))).toBe('posted');
    }
    expect(await ledger.reader.last({ aggregate: 'transfer', id })).toEqual(last);
    expect(await ledger.balances(source)).toEqual(OUT);
  });

  test('of another rail are refused, as is what no rail has signed', async () => {
    await payOut(() => ({ state: 'accepted' }));
    expect(codeOf(await ledger.ask(callback({ state: 'settled' }, 'swift')))).toBe('transfer_not_found');
    const unsigned = handle().executeUpdate('railReported', { args: [{ state: 'settled' }] });
    await expect(unsigned).rejects.toThrow('Workflow Update failed');
    expect([await now(), await ledger.balances(source)]).toEqual([{ status: 'pending' }, HELD]);
  });
});

describe('once the money is on its way', () => {
  test('nobody calls it back', async () => {
    await payOut(() => ({ state: 'accepted' }));
    for (const what of ['cancel', 'reject', 'approve'] as const) {
      expect(codeOf(await ledger.ask(decision(id, what)))).toBe('transfer_not_pending');
    }
    expect(await ledger.balances(source)).toEqual(HELD);
  });

  test('cancelling the workflow parks it; who resolves it needs no workflow', async () => {
    await payOut(() => ({ state: 'accepted' }));
    await handle().cancel();
    await expect(handle().result()).rejects.toThrow('Workflow execution cancelled');
    expect(await now()).toEqual({ status: 'pending', reason: 'The workflow of the transfer was cancelled.' });
    expect(await ledger.balances(source)).toEqual(HELD);
    expect(statusOf(await ledger.ask(resolve('completed')))).toBe('posted');
    expect(await ledger.balances(source)).toEqual(OUT);
  });

  test('a callback is taken though the workflow is gone', async () => {
    await payOut(() => ({ state: 'accepted' }));
    await handle().terminate();
    expect(statusOf(await ledger.ask(callback({ state: 'settled' })))).toBe('posted');
    expect(await ledger.balances(source)).toEqual(OUT);
  });

  test('a transfer whose workflow was ended by force is taken over by who resolves it', async () => {
    await payOut(() => ({ state: 'accepted' }));
    await handle().terminate();
    expect(statusOf(await ledger.ask(resolve('failed')))).toBe('failed');
    expect(await ledger.balances(source)).toEqual(BACK);
  });
});
