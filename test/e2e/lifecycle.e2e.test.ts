import { execFileSync, spawn } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startThrowaway, type Throwaway } from '../../dev/throwaway.ts';
import { httpClient } from '../support/http.ts';

let tallybook: Throwaway;
let http: ReturnType<typeof httpClient>;
beforeAll(async () => {
  tallybook = await startThrowaway();
  http = httpClient(tallybook.url);
});
afterAll(() => tallybook.remove());

/** The processes whose command line names the data folder. */
function processes(): string[] {
  return execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(tallybook.dataDir));
}

test('npm start prints where everything is, and the commands to try first work', async () => {
  const output = tallybook.output();
  for (const what of [tallybook.url, `${tallybook.url}/docs`, `:${tallybook.natsPort}`, tallybook.dataDir]) {
    expect(output).toContain(what);
  }
  const commands = output.split('\n').filter((line) => line.trim().startsWith('curl '));
  expect(commands).toHaveLength(2);
  const [account, deposit] = commands.map((command) => {
    return JSON.parse(execFileSync('bash', ['-c', command], { encoding: 'utf8' })) as Record<string, unknown>;
  });
  expect(account).toMatchObject({ id: 'alice', status: 'open' });
  expect(deposit).toMatchObject({ kind: 'deposit', status: 'posted', destination: 'alice' });
});

test('a second start finds yesterday’s data, and the first one left no process behind', async () => {
  await http.post('/v1/accounts', { id: 'kept', owner: 'kept', currency: 'EUR' });
  const key = { 'idempotency-key': 'before the restart' };
  const before = await http.post('/v1/deposits', { account: 'kept', amount: '70', currency: 'EUR' }, key);
  expect(await tallybook.stop()).toBe(0);
  expect(processes()).toEqual([]);
  await tallybook.startAgain();
  const account = await http.get(`/v1/accounts/kept?min_position=${before.headers.get('ledger-position')}`);
  expect(account.body).toMatchObject({ balances: { posted: '70' } });
  const again = await http.post('/v1/deposits', { account: 'kept', amount: '70', currency: 'EUR' }, key);
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(again.body).toEqual(before.body);
});

test('a taken port is named, with the variable that changes it', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  const child = spawn(process.execPath, ['dev/run.mjs', 'dev/start.ts'], {
    env: {
      ...process.env,
      ...tallybook.env,
      DATA_DIR: `${tallybook.dataDir}-other`,
      NATS_PORT: `${port}`,
      PORT: '1',
    },
  });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise((resolve) => child.once('exit', resolve));
  taken.close();
  expect(code).toBe(1);
  expect(output).toMatch(/Port \d+ \((NATS|HTTP)\).*Set (NATS_PORT|PORT) to another one/);
});
