import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../dev/servers/ports.ts';
import { createAccount, moveMoney } from '../support/ledgers/test-ledger.ts';
import { startKilledWorkers, type KilledWorkers } from '../support/processes/killed-workers.ts';
import { startSimulatedRail, type SimulatedRail } from '../support/processes/simulated-rail.ts';

let rail: SimulatedRail;
let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tallybook-rail-'));
  // Nobody listens at PORT: what is asked for here, the rail does not call back.
  const [port, nobody] = [await freePort(), await freePort()];
  rail = await startSimulatedRail({ DATA_DIR: dataDir, RAIL_PORT: `${port}`, PORT: `${nobody}` });
});
afterAll(async () => {
  await rail.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const WHOLE = 'FundsHeld TransferRequested FundsReleased MoneyWithdrawn MoneyDeposited TransferCompleted';

/** Sends 40 out, has it seen through, and gives what the log has of it. */
async function payOut(workers: KilledWorkers, id: string): Promise<string> {
  const out = { source: 'a', destination: 'world_EUR', amount: '40' };
  const asked = moveMoney(id, out, { kind: 'withdrawal', rail: 'simulator', reference: 'silent' });
  expect((await workers.ask(asked)).type).toBe('recorded');
  await workers.client.workflow.getHandle(`transfer/${id}`).result();
  const events = await workers.log.allEvents();
  return events
    .slice(4)
    .map(({ name }) => name)
    .join(' ');
}

async function prepared(killAfter: number, env: Record<string, string> = {}): Promise<KilledWorkers> {
  const workers = await startKilledWorkers(killAfter, { RAIL_URL: rail.url, ...env });
  await workers.log.submit(createAccount('a'));
  const funds = { source: 'world_EUR', destination: 'a', amount: '100' };
  await workers.log.submit(moveMoney(`funds-${workers.log.ledger}`, funds));
  return workers;
}

describe('a worker that is killed', () => {
  test('after the rail has taken a payment, and before that is recorded: the rail has one payment', async () => {
    const workers = await prepared(0, { KILL_AFTER_SUBMIT: 'yes' });
    const id = `paid-${workers.log.ledger}`;
    expect(await payOut(workers, id)).toBe(WHOLE);
    expect(workers.killed()).toBe(1);
    // The next worker has asked, and has not even handed it over again.
    expect((await rail.payments()).filter((payment) => payment.id === id)).toMatchObject([
      { key: id, state: 'settled', requests: 1 },
    ]);
    await workers.close();
  }, 90_000);

  test.each([1, 2])(
    'after its command %i is in the log: one payment, and each step once',
    async (killAfter) => {
      const workers = await prepared(killAfter);
      const id = `step-${workers.log.ledger}`;
      expect(await payOut(workers, id)).toBe(WHOLE);
      expect(workers.killed()).toBe(1);
      expect((await rail.payments()).filter((payment) => payment.id === id)).toHaveLength(1);
      await workers.close();
    },
    90_000,
  );
});
