import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommandOutcome } from '../../api/commands/commands.ts';
import type { CommandRequest } from '../../messages/commands.ts';
import { openSkippingLedger, type SkippingLedger } from '../support/ledgers/skipping-ledger.ts';
import {
  changeAccount,
  createAccount,
  moveMoney,
  placeHold,
  transact,
} from '../support/ledgers/test-ledger.ts';
import { startKilledWorkers } from '../support/processes/killed-workers.ts';

let ledger: SkippingLedger;
beforeAll(async () => {
  ledger = await openSkippingLedger();
  for (const id of ['rich', 'poor', 'frozen']) await ledger.ask(createAccount(id));
  await ledger.ask(moveMoney('fund', { source: 'world_EUR', destination: 'rich', amount: '100000' }));
  await ledger.ask(changeAccount('frozen', { type: 'account.freeze' }));
});
afterAll(() => ledger.close());

const many = (count: number, make: (index: number) => CommandRequest) =>
  Array.from({ length: count }, (_, i) => make(i));
const pay = (id: string, more: { amount?: string; source?: string; destination?: string } = {}) =>
  moveMoney(id, { source: 'rich', destination: 'poor', amount: '1', ...more });

/** What a client is told, without what differs from run to run. */
function shown(outcome: CommandOutcome): string {
  if (outcome.type === 'error') return outcome.rejection.code;
  if (outcome.type !== 'recorded') return outcome.type;
  const { rejection, transfer, hold, account } = outcome.result;
  return rejection?.code ?? transfer?.status ?? hold?.status ?? account?.status ?? 'nothing';
}

describe('commands that come at the same time', () => {
  test('of all kinds share workflows, and each is told what it would be told alone', async () => {
    const kinds: [() => CommandRequest[], string][] = [
      [() => many(100, (i) => pay(`ok-${i}`)), 'posted'],
      [() => many(20, (i) => pay(`much-${i}`, { amount: '999999999' })), 'insufficient_funds'],
      [() => many(20, (i) => pay(`ghost-${i}`, { destination: 'ghost' })), 'account_not_found'],
      [() => many(20, (i) => pay(`ice-${i}`, { source: 'frozen' })), 'account_frozen'],
      [() => many(20, (i) => createAccount(`new-${i}`)), 'open'],
      [() => many(20, () => createAccount('rich')), 'account_exists'],
      [() => many(20, (i) => placeHold(`hold-${i}`, { account: 'rich', amount: '1' })), 'active'],
      [
        () =>
          many(20, (i) =>
            transact(`x-${i}`, [
              ['rich', -1],
              ['poor', 1],
            ]),
          ),
        'posted',
      ],
    ];
    const asked = kinds.flatMap(([make, expected]) => make().map((request) => ({ request, expected })));
    // Mixed: neighbours in a batch are of different kinds.
    const mixed = asked.toSorted((a, b) => (a.request.id < b.request.id ? -1 : 1));
    const outcomes = await Promise.all(mixed.map(({ request }) => ledger.ask(request)));
    expect(outcomes.map(shown)).toEqual(mixed.map(({ expected }) => expected));
    for (const [index, outcome] of outcomes.entries()) {
      const answered = outcome.type === 'recorded' ? outcome.result : undefined;
      const id = answered?.transfer?.id ?? answered?.hold?.id ?? answered?.account?.id;
      if (id !== undefined) expect(id).toBe(mixed[index]?.request.id);
    }
    const carriedBy = outcomes.flatMap((outcome) =>
      outcome.type === 'recorded' && outcome.result.transfer ? [outcome.result.transfer.workflow_id] : [],
    );
    const together = carriedBy.filter((id) => id.startsWith('commands/'));
    expect(together.length).toBeGreaterThan(100);
    // What the resource names is a workflow that Temporal knows.
    const [one = ''] = together;
    expect((await ledger.client.workflow.getHandle(one).describe()).status.name).toBe('COMPLETED');
  });

  test('with the same key are one command, in one batch, in several, and afterwards alone', async () => {
    const before = await ledger.balances('poor');
    const request = pay('twice');
    const others = many(30, (i) => pay(`other-${i}`, { amount: '2' }));
    // Other keys to Temporal and to this process, the same transfer to the log.
    const copies = many(10, (i) => ({ ...request, idempotency_key: `copy ${i}` }));
    const outcomes = await Promise.all([...others, ...copies].map((each) => ledger.ask(each)));
    const same = [...outcomes.slice(30), await ledger.ask(request)].map((outcome) =>
      outcome.type === 'recorded' ? outcome.result.transfer?.position : undefined,
    );
    expect(new Set(same).size).toBe(1);
    expect(same[0]).toBeGreaterThan(0);
    const after = await ledger.balances('poor');
    expect(Number(after[0]) - Number(before[0])).toBe(61);
    const reused = await ledger.ask({ ...request, amount: '3', fingerprint: 'another body' });
    expect(shown(reused)).toBe('idempotency_key_reused');
  });
});

describe('a worker that is killed in the middle of a batch', () => {
  test('is followed by another, and every command has happened once', async () => {
    const workers = await startKilledWorkers(20);
    try {
      const { log } = workers;
      for (const id of ['rich', 'poor']) await log.submit(createAccount(id));
      await log.submit(moveMoney('fund', { source: 'world_EUR', destination: 'rich', amount: '1000' }));
      const outcomes = await Promise.all(many(60, (i) => pay(`pay-${i}`)).map((each) => workers.ask(each)));
      expect(outcomes.map(shown)).toEqual(outcomes.map(() => 'posted'));
      expect(workers.killed()).toBe(1);
      const events = await log.allEvents();
      const completed = events
        .filter(({ name }) => name === 'TransferCompleted')
        .map(({ aggregateId }) => aggregateId);
      expect(completed.toSorted()).toEqual(
        ['fund', ...many(60, (i) => pay(`pay-${i}`)).map(({ id }) => id)].toSorted(),
      );
    } finally {
      await workers.close();
    }
  }, 120_000);
});
