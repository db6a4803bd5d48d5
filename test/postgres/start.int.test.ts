/** The Postgres that `npm start` runs: what it leaves on the disk, and how it starts again on what it finds there. */
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { freePort } from '../../dev/servers/ports.ts';
import { startReadModel, type Server } from '../../dev/servers/servers.ts';
import { ownerUrl, passwordFile, readerFile, readerUrl } from '../../postgres/urls.ts';

let dataDir: string;
let port: number;
let server: Server | undefined;
const told: string[] = [];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tallybook-postgres-'));
  port = await freePort();
  told.length = 0;
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
  await rm(dataDir, { recursive: true, force: true });
});

async function start(): Promise<Server> {
  return (server = await startReadModel({
    port,
    dataDir,
    ledger: 'Main',
    progress: (line) => told.push(line),
  }));
}

async function asked<Row extends object>(query: string, url = ownerUrl(dataDir, port)): Promise<Row[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await sql.unsafe<Row[]>(query);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Commits do not wait for the disk, so what must survive a kill is written there. */
async function mark(): Promise<void> {
  await asked('create table mark (kept integer); insert into mark values (7)');
  await asked('checkpoint');
}

const marked = () => asked<{ kept: number }>('select kept from mark');

it('makes passwords that only their owner can read, and that are needed', async () => {
  await start();
  for (const file of [passwordFile(dataDir), readerFile(dataDir)]) {
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  }
  const [password, reader] = await Promise.all(
    [passwordFile(dataDir), readerFile(dataDir)].map(async (file) => readFile(file, 'utf8')),
  );
  expect(password!.trim()).toMatch(/^[\w-]{32}$/);
  expect(reader!.trim()).toMatch(/^127\.0\.0\.1:\*:\*:tallybook_reader:[\w-]{32}$/);
  expect(reader).not.toContain(password!.trim());
  const url = `127.0.0.1:${port}/postgres`;
  for (const login of ['postgres', 'postgres:postgres', 'tallybook_reader', 'nobody']) {
    await expect(asked('select 1', `postgres://${login}@${url}`)).rejects.toThrow(/password|SASL/);
  }
  expect(readerUrl(dataDir, port)).toBe(`postgres://tallybook_reader@${url}?passfile=${readerFile(dataDir)}`);
  const readers = `postgres://tallybook_reader:${reader!.trim().split(':').at(-1)}@${url}`;
  expect(await asked('show search_path', readers)).toEqual([{ search_path: '"ledger_Main"' }]);
  expect(await asked('show transaction_timeout', readers)).toEqual([{ transaction_timeout: '1min' }]);
  expect(await asked('show fsync')).toEqual([{ fsync: 'on' }]);
});

it('keeps its data and its passwords, when it is stopped and when it is killed', async () => {
  await start();
  await mark();
  const password = await readFile(passwordFile(dataDir), 'utf8');
  // A client that stays does not keep it from stopping.
  const client = postgres(ownerUrl(dataDir, port), { max: 1 });
  await client`select 1`;
  const begun = Date.now();
  await server!.stop();
  expect(await server!.exited).toEqual({ code: 0, signal: null });
  expect(Date.now() - begun).toBeLessThan(8_000);
  await client.end({ timeout: 0 });
  await start();
  expect(await marked()).toEqual([{ kept: 7 }]);
  server!.kill();
  await server!.exited;
  await start();
  expect(await marked()).toEqual([{ kept: 7 }]);
  expect(await readFile(passwordFile(dataDir), 'utf8')).toBe(password);
});

it('starts while processes of one that was killed still end', async () => {
  await start();
  await mark();
  // It waits for nothing, so it does not see that its server is gone.
  const busy = asked('select count(*) from generate_series(1, 30000000)').catch(() => {});
  await sleep(300);
  process.kill(server!.pid, 'SIGKILL');
  await server!.exited;
  await start();
  expect(await marked()).toEqual([{ kept: 7 }]);
  await busy;
  const previous = await readFile(join(dataDir, 'logs/read-model.log.previous'), 'utf8');
  expect(previous).toContain('is still in use');
});

it('starts when another process has the number of one that was killed', async () => {
  await start();
  await mark();
  server!.kill();
  await server!.exited;
  const other = spawn('sleep', ['60']);
  await once(other, 'spawn');
  const file = join(dataDir, 'postgres/data/postmaster.pid');
  const [, ...rest] = (await readFile(file, 'utf8')).split('\n');
  await writeFile(file, [other.pid, ...rest].join('\n'));
  await start();
  expect(await marked()).toEqual([{ kept: 7 }]);
  other.kill();
});

it('makes anew what was half made, and what another version has kept', async () => {
  await start();
  await mark();
  await server!.stop();
  await writeFile(join(dataDir, 'postgres/data/PG_VERSION'), '17\n');
  await start();
  expect(told.at(-1)).toMatch(/^Postgres 17 has kept the read model: Postgres 18 makes it anew from the log/);
  await expect(marked()).rejects.toThrow('"mark" does not exist');
  await server!.stop();
  // As after a kill while the files were made.
  await rm(join(dataDir, 'postgres/created'));
  await rm(join(dataDir, 'postgres/data/global'), { recursive: true });
  await start();
  expect(await asked('select 1 as there')).toEqual([{ there: 1 }]);
  expect(existsSync(join(dataDir, 'postgres/initdb-password'))).toBe(false);
});
