import { execFileSync, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startNats } from '../../dev/servers/servers.ts';
import { startThrowaway, type Throwaway } from '../../dev/throwaway.ts';
import { httpClient, type Reply } from '../support/http/http.ts';

let tallybook: Throwaway;
let http: ReturnType<typeof httpClient>;
beforeAll(async () => {
  tallybook = await startThrowaway({ QUEUE_MAX: '1' });
  http = httpClient(tallybook.url);
});
afterAll(() => tallybook.remove());

/** The processes whose command line names the data folder. */
function processes(): string[] {
  return execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(tallybook.dataDir));
}

/** The process of nats-server, to be held and let go: a disk that takes its time. */
function natsPid(): number {
  return Number(
    processes()
      .find((line) => line.includes('nats-server'))
      ?.trim()
      .split(' ')[0],
  );
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

test('npm start prints how to read the books in SQL, without a password', async () => {
  const [, printed = ''] = /^ {2}psql '(.*)'$/m.exec(tallybook.output()) ?? [];
  const url = new URL(printed);
  const [, , , user, password = ''] = (await readFile(url.searchParams.get('passfile') ?? '', 'utf8')).split(
    ':',
  );
  expect(url.username).toBe(user);
  expect(tallybook.output()).not.toContain(password.trim());
  url.password = password.trim();
  url.search = '';
  const sql = postgres(url.href, { max: 1, onnotice: () => {} });
  const totals = () => sql`select currency, debit, credit from trial_balance where account is null`;
  await expect.poll(totals).toEqual([{ currency: 'EUR', debit: '1000', credit: '1000' }]);
  await expect(sql`delete from accounts`).rejects.toThrow(/read-only|permission denied/);
  await sql.end();
});

/** A deposit of one to an account of its own. */
const deposit = (key: string, headers: Record<string, string> = {}) =>
  http.post(
    '/v1/deposits',
    { account: 'full', amount: '1', currency: 'EUR' },
    { 'idempotency-key': key, ...headers },
  );

/** What that account has when the read model shows all. */
async function posted(): Promise<string> {
  const position = (await http.get('/readyz')).body.projector.last_position as number;
  return (await http.get(`/v1/accounts/full?min_position=${position}`)).body.balances.posted as string;
}

describe('with room for one command in the queue', () => {
  test('what finds no room is answered 503 at once and left no trace; what was promised is carried out', async () => {
    await http.post('/v1/accounts', { id: 'full', owner: 'full', currency: 'EUR' });
    process.kill(natsPid(), 'SIGSTOP');
    const names = Array.from({ length: 30 }, (_, index) => `full ${index}`);
    const refused: Reply[] = [];
    const waited = names.map(async (name) => {
      const reply = await deposit(name);
      if (reply.status === 503) refused.push(reply);
      return reply;
    });
    const later = ['later 0', 'later 1', 'later 2'];
    const promised = later.map((name) => deposit(name, { prefer: 'respond-async' }));
    // With the log held, a few are on their way to it or wait. All others are told while it is still held.
    await expect.poll(() => refused.length, { timeout: 8_000 }).toBeGreaterThanOrEqual(25);
    expect((await Promise.all(promised)).map(({ status }) => status)).toEqual([202, 202, 202]);
    process.kill(natsPid(), 'SIGCONT');
    const replies = await Promise.all(waited);
    for (const { status, body, headers } of refused) {
      expect([status, body.code]).toEqual([503, 'overloaded']);
      expect(headers.get('retry-after')).toMatch(/^\d+$/);
    }
    const done = replies.filter(({ status }) => status === 201).length;
    expect(done + refused.length).toBe(30);
    const locations = await Promise.all(
      promised.map(async (one) => (await one).headers.get('location') ?? ''),
    );
    const statuses = async () =>
      (await Promise.all(locations.map((path) => http.get(path)))).map(({ body }) => body.status as string);
    await expect.poll(statuses, { timeout: 30_000 }).toEqual(['posted', 'posted', 'posted']);
    expect(await posted()).toBe(`${done + 3}`);
    // The same keys again, one after the other: what was done is told, and only what was not done is done now.
    for (const [index, name] of names.entries()) {
      const again = await deposit(name);
      expect(again.status).toBe(201);
      expect(again.headers.get('idempotency-replayed') === 'true').toBe(replies[index]?.status === 201);
    }
    expect(await posted()).toBe('33');
  });

  test('a request that need not wait, but joins one that does, is not promised what that one may give up', async () => {
    process.kill(natsPid(), 'SIGSTOP');
    const names = ['joined 0', 'joined 1', 'joined 2', 'joined 3'];
    let refused = 0;
    const waited = names.map(async (name) => {
      const reply = await deposit(name);
      if (reply.status === 503) refused += 1;
      return reply;
    });
    // One is in hand, and waits for the log; what finds no room is told at once.
    await expect.poll(() => refused).toBeGreaterThan(0);
    const joined = names.map((name) => deposit(name, { prefer: 'respond-async' }));
    await new Promise((resolve) => setTimeout(resolve, 700));
    process.kill(natsPid(), 'SIGCONT');
    const first = (await Promise.all(waited)).map(({ status }) => status);
    const then = await Promise.all(joined);
    // What was under way was waited for. What had been given up, or had only gathered for a workflow, was started, and
    // that is a promise.
    expect(new Set(first)).toEqual(new Set([201, 503]));
    for (const [index, { status }] of then.entries()) {
      expect(first[index] === 201 ? [201, 202] : [202]).toContain(status);
    }
    const statuses = async () =>
      await Promise.all(
        then.map(
          async ({ headers }) => (await http.get(headers.get('location') ?? '')).body.status as string,
        ),
      );
    await expect.poll(statuses, { timeout: 30_000 }).toEqual(names.map(() => 'posted'));
  });
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

test('a NATS that does not sync every write is told to the person who starts, once; our own is not', async () => {
  expect(tallybook.output()).not.toContain('WARNING');
  expect(await tallybook.stop()).toBe(0);
  const { dataDir, natsPort: port } = tallybook;
  const ours = await readFile(new URL('../../deploy/nats.conf', import.meta.url), 'utf8');
  const configuration = join(dataDir, 'other.conf');
  await writeFile(configuration, ours.replace('sync_interval: always', ''));
  const nats = await startNats({ port, dataDir, password: 'tallybook', configuration });
  await tallybook.startAgain({ NATS_URL: nats.url });
  expect(tallybook.output().match(/^WARNING: .*$/gm)).toEqual([
    expect.stringMatching(/syncs to disk every 120 s, not every write/),
  ]);
  expect(await tallybook.stop()).toBe(0);
  await nats.stop();
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
