import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { positionSubject } from '../../contracts/subjects.ts';
import { createReadStore } from '../../projector/queries/postgres.ts';
import { connectReadModel, type ReadModel } from '../../projector/tables/database.ts';
import { ensureSchema } from '../../projector/tables/schema.ts';
import { createTestLog } from '../support/events/events.ts';
import { createAccount, moveMoney, openTestLedger, type TestLedger } from '../support/ledgers/test-ledger.ts';
import { project } from './test-read-model.ts';

let ledger: TestLedger;
let db: ReadModel;
const children: ChildProcess[] = [];

beforeEach(async () => {
  ledger = await openTestLedger();
  db = connectReadModel(inject('servers').databaseUrl, ledger.ledger);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.all([ledger.close(), db.end()]);
});

/** The projector as a process, with all that it has written. */
function startProcess() {
  const child = spawn(process.execPath, ['projector/main.ts'], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: {
      ...process.env,
      NATS_URL: inject('servers').natsUrl,
      DATABASE_URL: inject('servers').databaseUrl,
      LEDGER: ledger.ledger,
    },
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const exited = once(child, 'exit').then(([code]: unknown[]) => code);
  return { child, exited, output: () => output };
}

/** Resolves when the projector tells that it has reached a position. */
async function reached(position: number): Promise<void> {
  for await (const message of ledger.nc.subscribe(positionSubject(ledger.ledger, 'balances'))) {
    if (Number(message.string()) >= position) return;
  }
}

it('follows the log, tells its position on NATS, and ends in order on SIGTERM', async () => {
  await ledger.submit(createAccount('alice'));
  const first = reached(4);
  const { child, exited, output } = startProcess();
  await ledger.submit(moveMoney('d1', { source: 'world_EUR', destination: 'alice', amount: '70' }));
  await first;
  const store = createReadStore(db);
  expect(await store.account('alice')).toMatchObject({ balances: { posted: '70' }, version: 2 });
  child.kill('SIGTERM');
  expect(await exited).toBe(0);
  expect(output()).toContain('Stopped.');
});

it('goes on where it was after it was killed', async () => {
  await ledger.submit(createAccount('alice'));
  const before = reached(1);
  const killed = startProcess();
  await before;
  killed.child.kill('SIGKILL');
  await killed.exited;
  await ledger.submit(moveMoney('d1', { source: 'world_EUR', destination: 'alice', amount: '70' }));
  const after = reached(4);
  startProcess();
  await after;
  const { data } = await createReadStore(db).statement('alice', {}, { limit: 10 });
  expect(data).toMatchObject([{ transfer: 'd1', balance: '70', position: 3 }]);
});

it('refuses a read model that was made from another log', async () => {
  await ensureSchema(db);
  const other = createTestLog();
  other.open('alice');
  await project(db, other.events);
  const { exited, output } = startProcess();
  expect(await exited).toBe(1);
  expect(output()).toContain('made from another log');
});
