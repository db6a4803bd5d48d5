import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { planOf } from '../../dev/rail-simulator/behaviours.ts';
import { startSimulator, type SimulatorOptions } from '../../dev/rail-simulator/server.ts';
import { freePort } from '../../dev/servers/ports.ts';

let options: SimulatorOptions;
let folder: string;
let simulator: Awaited<ReturnType<typeof startSimulator>>;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tallybook-simulator-'));
  const [port, nobody] = [await freePort(), await freePort()];
  const file = join(folder, 'rail', 'payments.ndjson');
  options = { port, file, url: `http://127.0.0.1:${nobody}/`, secret: 'none', log: () => {} };
  simulator = await startSimulator(options);
});
afterEach(async () => {
  await simulator.close();
  rmSync(folder, { recursive: true, force: true });
});

/** At another port: connections to this one may still be in the client's pool. */
async function restart() {
  options = { ...options, port: await freePort() };
  simulator = await startSimulator(options);
}

const payment = { id: 'tr_1', account: 'alice', amount: '500', currency: 'EUR', reference: 'refuse' };
async function submit(body: object, key?: string) {
  const headers = {
    'content-type': 'application/json',
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  };
  const url = `http://127.0.0.1:${options.port}/payments`;
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  return [answer.status, await answer.json()];
}
const asked = async (path: string) => {
  const answer = await fetch(`http://127.0.0.1:${options.port}/payments${path}`);
  return [answer.status, await answer.json()];
};

test('a key is one payment, however often it comes, and no other', async () => {
  const declined = { id: 'tr_1', state: 'declined', reason: 'there is no such bank' };
  expect(await submit(payment, 'key')).toEqual([422, declined]);
  expect(await submit(payment, 'key')).toEqual([422, declined]);
  expect(await submit({ ...payment, amount: '501' }, 'key')).toMatchObject([409, {}]);
  expect(await submit(payment)).toMatchObject([400, {}]);
  expect(await asked('/tr_1')).toEqual([200, declined]);
  expect(await asked('/tr_2')).toMatchObject([404, {}]);
  expect(await asked('')).toMatchObject([200, { data: [{ id: 'tr_1', key: 'key', requests: 2 }] }]);
});

test('what it was given it still has after it was killed, though it was writing', async () => {
  await submit(payment, 'key');
  await simulator.close();
  appendFileSync(options.file, '{"key":"half","received_at":17');
  await restart();
  expect(await asked('')).toMatchObject([200, { data: [{ id: 'tr_1', state: 'declined' }] }]);
  expect(await submit({ ...payment, id: 'tr_2' }, 'next')).toMatchObject([422, { id: 'tr_2' }]);
  await simulator.close();
  await restart();
  expect(await asked('')).toMatchObject([200, { data: [{ id: 'tr_1' }, { id: 'tr_2' }] }]);
});

test('metadata names the behaviour before the reference does, and what names none is settled', () => {
  const settled = { end: 'settled', callbacks: ['settled'] };
  expect(planOf({ reference: 'invoice 7', metadata: {} })).toMatchObject(settled);
  expect(planOf({ reference: 'toString', metadata: {} })).toMatchObject(settled);
  expect(planOf({ reference: 'decline', metadata: { rail: 'settle' } })).toMatchObject(settled);
  expect(planOf({ reference: 'decline', metadata: {} })).toMatchObject({ end: 'declined' });
  expect(planOf({ metadata: { rail: 'late:3000' } })).toMatchObject({ ...settled, endsAfterMs: 3_000 });
});
