/** `history`, on a ledger where nothing waits and on one where much does. */
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { TestLedger } from '../../support/ledgers/test-ledger.ts';
import { commandLine, type Ran } from '../command-line.ts';
import { openSomeLedger, openWaitingLedger } from '../some-ledger.ts';

let logs: TestLedger[];
let simple: (...args: string[]) => Promise<Ran>;
let waiting: (...args: string[]) => Promise<Ran>;
beforeAll(async () => {
  const { natsUrl } = inject('servers');
  logs = await Promise.all([openSomeLedger(), openWaitingLedger()]);
  [simple, waiting] = logs.map(({ ledger }) => commandLine({ ledger, natsUrl })) as [
    typeof simple,
    typeof waiting,
  ];
});
afterAll(async () => {
  await Promise.all(logs.map((log) => log.close()));
});

/** The cells of a table that are not empty, without the column of the times. */
function cells({ code, out }: Ran): string[][] {
  expect(code).toBe(0);
  return out
    .trimEnd()
    .split('\n')
    .map((line) => line.trim().split(/ {2,}/).toSpliced(1, 1));
}

describe('history', () => {
  test('shows an account as a table', async () => {
    expect(cells(await simple('history', 'account', 'bob'))).toEqual([
      [
        'position',
        'event',
        'version',
        'amount',
        'posted',
        'held',
        'available',
        'transfer',
        'hold',
        'other',
        'note',
        'workflow',
      ],
      ['3', 'AccountCreated', '1', '0', '0', '0', 'account/bob'],
      ['8', 'MoneyDeposited', '2', '300', '300', '0', '300', 't1', 'alice', 'transfer/t1'],
      ['11', 'MoneyWithdrawn', '3', '-100', '200', '0', '200', 't2', 'alice', 'transfer/t2'],
      ['15', 'MoneyDeposited', '4', '1', '201', '0', '201', 't3', 'alice', 'transfer/t3'],
    ]);
  });

  test('shows of an account what is held, and for what; and who shares in a transaction', async () => {
    const rows = cells(await waiting('history', 'account', 'alice'));
    expect(rows.slice(3, 10)).toEqual([
      ['7', 'FundsHeld', '3', '-300', '1000', '300', '700', 't1', 'bob', 'transfer/t1'],
      ['10', 'FundsReleased', '4', '300', '1000', '0', '1000', 't1', 'bob', 'transfer/t1'],
      ['11', 'MoneyWithdrawn', '5', '-300', '700', '0', '700', 't1', 'bob', 'transfer/t1'],
      ['15', 'FundsHeld', '6', '-200', '700', '200', '500', 'h1', 'hold/h1'],
      ['18', 'FundsReleased', '7', '200', '700', '0', '700', 'h1', 'hold/h1'],
      ['19', 'MoneyWithdrawn', '8', '-150', '550', '0', '550', 'c1', 'world_EUR', 'hold/h1'],
      ['27', 'MoneyWithdrawn', '9', '-10', '540', '0', '540', 'x1', 'bob, fees', 'transfer/x1'],
    ]);
  });

  test('notes what changed of an account besides money, and why', async () => {
    expect(cells(await waiting('history', 'account', 'bob')).slice(-2)).toEqual([
      ['50', 'AccountUpdated', '6', '209', '0', '709', 'overdraft limit 500', 'account/bob'],
      ['51', 'AccountFrozen', '7', '209', '0', '709', 'lost card', 'account/bob'],
    ]);
  });

  test('shows a transfer, with its status after each event', async () => {
    const [, refused] = cells(await simple('history', 'transfer', 'no'));
    expect(refused?.slice(0, 7)).toEqual([
      '10',
      'TransferRejected',
      '1',
      'rejected',
      '99999',
      'EUR',
      'bob > alice',
    ]);
    const sides = ['300', 'EUR', 'alice > bob'];
    expect(cells(await waiting('history', 'transfer', 't1')).slice(1)).toEqual([
      [
        '8',
        'TransferRequested',
        '1',
        'awaiting_approval',
        ...sides,
        'until 2027-01-01T00:00:00.000Z',
        'transfer/t1',
      ],
      ['9', 'TransferApproved', '2', 'pending', ...sides, 'fine', 'transfer/t1'],
      ['13', 'TransferCompleted', '3', 'posted', ...sides, 'transfer/t1'],
      ['32', 'TransferReversed', '4', 'posted', ...sides, '100 undone by r1, 100 in all', 'transfer/r1'],
    ]);
  });

  test('says of a transfer why it waits, and why it came to nothing, on one line each', async () => {
    const notes = cells(await waiting('history', 'transfer', 't3')).map((row) => row.at(-2));
    const bank = 'no answer from the bank';
    expect(notes).toEqual(['note', 'by sepa', bank, 'rail_declined: No such account.']);
    expect((await waiting('history', 'transfer', 't4')).out).toMatch(/rejected .* too much/);
  });

  test('shows the first entries of a transaction, and how many more there are', async () => {
    const { out } = await waiting('history', 'transfer', 'x1');
    expect(out).toContain('  alice -10 EUR, bob 6 EUR, bob 3 EUR, 1 more  ');
  });

  test('shows a hold, with how much of it was captured, and by which transfer', async () => {
    expect(cells(await waiting('history', 'hold', 'h1')).slice(1)).toEqual([
      ['16', 'HoldPlaced', '1', 'active', '200', 'EUR', 'alice', 'until 2027-01-01T00:00:00.000Z', 'hold/h1'],
      ['22', 'HoldCaptured', '2', 'captured', '200', '150', 'EUR', 'alice', 'c1', 'hold/h1'],
    ]);
    expect((await waiting('history', 'hold', 'h2')).out).toMatch(/HoldExtended .* until 2028-01-01T/);
  });

  test('shows events as NDJSON, too', async () => {
    const { out } = await simple('history', 'account', 'bob', '--json');
    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(events).toHaveLength(4);
    expect(events[1]).toMatchObject({
      position: 8,
      type: 'ledger.MoneyDeposited.v1',
      data: { amount: '300' },
    });
  });

  test('says what is not there', async () => {
    expect(await simple('history', 'account', 'eve')).toMatchObject({
      code: 2,
      errors: expect.stringContaining('"eve"'),
    });
    expect(await simple('history', 'planet', 'mars')).toMatchObject({ code: 2 });
    expect(await simple('history', 'account')).toMatchObject({
      code: 2,
      errors: expect.stringMatching(/^Use it as:/),
    });
  });
});

describe('state', () => {
  test('shows what is held, at any position', async () => {
    const stateAt = async (position: string) =>
      JSON.parse((await waiting('state', 'alice', '--at', position, '--json')).out) as object;
    expect(await stateAt('8')).toMatchObject({ balances: { posted: '1000', held: '300', available: '700' } });
    expect(await stateAt('9')).toMatchObject({ balances: { held: '300' }, version: 3, position: 7 });
    expect(await stateAt('13')).toMatchObject({ balances: { posted: '700', held: '0', available: '700' } });
    expect((await waiting('state', 'bob')).out).toMatch(/^overdraft limit +500 EUR$/m);
  });
});
