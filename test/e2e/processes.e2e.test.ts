import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChild, type Child } from '../../dev/servers/child-process.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { startNats, startReadModel, startTemporal, type Server } from '../../dev/servers/servers.ts';
import { httpClient } from '../support/http/http.ts';
import { samplesOf } from '../support/http/prometheus.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What `npm run build` made, each role a process of its own, run by plain node. */
let dataDir: string;
let nats: Server;
let temporal: Server;
let readModel: Server;
const roles = new Map<string, Child>();
let http: ReturnType<typeof httpClient>;
const ports = { nats: 0, temporal: 0, readModel: 0, http: 0, worker: 0, projector: 0 };

const startServer = {
  nats: async () => (nats = await startNats({ port: ports.nats, dataDir, password: 'test' })),
  temporal: async () => (temporal = await startTemporal({ port: ports.temporal, dataDir })),
  readModel: async () => (readModel = await startReadModel({ port: ports.readModel, dataDir })),
};

async function startRole(name: 'api' | 'worker' | 'projector'): Promise<void> {
  const env = {
    PATH: process.env['PATH'] ?? '',
    PORT: `${ports.http}`,
    NATS_URL: nats.url,
    TEMPORAL_ADDRESS: temporal.url,
    DATABASE_URL: readModel.url,
    ...(name === 'api' ? {} : { METRICS_PORT: `${ports[name]}` }),
  };
  const args = [join(ROOT, 'dist', name, 'main.js')];
  const logFile = join(dataDir, 'logs', `${name}.log`);
  roles.set(name, await startChild({ name, command: process.execPath, args, logFile, env, cwd: dataDir }));
}

beforeAll(async () => {
  execFileSync('npm', ['run', 'build'], { cwd: ROOT, stdio: 'pipe' });
  dataDir = await mkdtemp(join(tmpdir(), 'tallybook-processes-'));
  for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort();
  await Promise.all(Object.values(startServer).map((start) => start()));
  await Promise.all((['api', 'worker', 'projector'] as const).map(startRole));
  http = httpClient(`http://127.0.0.1:${ports.http}`);
});
afterAll(async () => {
  for (const role of roles.values()) await role.stop();
  await Promise.all([readModel, temporal, nats].map((server) => server.stop()));
  await rm(dataDir, { recursive: true, force: true });
});

const deposit = (amount: string, key: string) =>
  http.post('/v1/deposits', { account: 'alice', amount, currency: 'EUR' }, { 'idempotency-key': key });

const posted = async (position: string | null) =>
  (await http.get(`/v1/accounts/alice?min_position=${position}`)).body.balances.posted as string;

describe('three processes of dist/, run by node', () => {
  test('get ready, and carry a command from HTTP to the log and back to a query', async () => {
    await expect
      .poll(async () => (await http.get('/readyz').catch(() => undefined))?.status, { timeout: 60_000 })
      .toBe(200);
    await expect
      .poll(
        async () => (await http.post('/v1/accounts', { id: 'alice', owner: 'a', currency: 'EUR' })).status,
        {
          timeout: 60_000,
          interval: 1_000,
        },
      )
      .toBe(409);
    const answer = await deposit('100', 'first');
    expect(answer.status).toBe(201);
    expect(await posted(answer.headers.get('ledger-position'))).toBe('100');
  });
});

const metricsOf = async (name: 'http' | 'worker' | 'projector') => {
  const answer = await fetch(`http://127.0.0.1:${ports[name]}/metrics`);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([
    200,
    expect.stringMatching('text/plain'),
  ]);
  return samplesOf(await answer.text());
};

describe('metrics', () => {
  test('each process tells its own: the worker of its appender, projector and API of the lag', async () => {
    const [api, worker, projector] = await Promise.all([
      metricsOf('http'),
      metricsOf('worker'),
      metricsOf('projector'),
    ]);
    expect(worker['tallybook_appender_commands_total{outcome="posted"}']).toBe(1);
    expect(worker['tallybook_appender_commands_total{outcome="changed"}']).toBe(1);
    expect(worker['tallybook_appender_queue_max']).toBe(10_000);
    expect(api).not.toHaveProperty('tallybook_appender_queue_max');
    for (const samples of [api, projector]) {
      expect(samples['tallybook_log_position']).toBe(samples['tallybook_projector_position']);
      expect(samples['tallybook_projector_lag_events']).toBe(0);
    }
    expect((await fetch(`http://127.0.0.1:${ports.worker}/healthz`)).status).toBe(200);
  });
});

describe('when NATS is down', () => {
  test('a command is answered 503 within 10 s, and nothing is lost when NATS is back', async () => {
    await nats.stop();
    const answer = await deposit('10', 'during');
    expect(answer.status).toBe(503);
    expect(answer.body.code).toBe('dependency_unavailable');
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(answer.milliseconds).toBeLessThan(10_000);
    expect((await http.get('/readyz')).status).toBe(503);
    expect((await http.get('/healthz')).status).toBe(200);
    const events = await http.get('/v1/events');
    expect([events.status, events.milliseconds < 10_000]).toEqual([503, true]);
    await startServer.nats();
    // The workflow that was started goes on by itself; the same key tells its outcome.
    await expect.poll(async () => (await deposit('10', 'during')).status, { timeout: 30_000 }).toBe(201);
    const after = await deposit('10', 'during');
    expect(after.headers.get('idempotency-replayed')).toBe('true');
    expect(await posted(after.headers.get('ledger-position'))).toBe('110');
  });
});

describe('when Temporal is down', () => {
  test('a command is answered 503 within 10 s, queries go on, and commands work when it is back', async () => {
    await temporal.stop();
    const answer = await deposit('10', 'without temporal');
    expect([answer.status, answer.body.code]).toEqual([503, 'dependency_unavailable']);
    expect(answer.milliseconds).toBeLessThan(10_000);
    expect((await http.get('/v1/accounts/alice')).status).toBe(200);
    await startServer.temporal();
    await expect
      .poll(async () => (await deposit('10', 'without temporal')).status, { timeout: 30_000 })
      .toBe(201);
    const after = await deposit('10', 'without temporal');
    expect(await posted(after.headers.get('ledger-position'))).toBe('120');
  });
});

describe('when the read model is down', () => {
  test('commands go on, queries are answered 503 within 10 s, and it catches up when it is back', async () => {
    await readModel.stop();
    const command = await deposit('10', 'unread');
    expect(command.status).toBe(201);
    const query = await http.get('/v1/accounts/alice');
    expect([query.status, query.body.code]).toEqual([503, 'dependency_unavailable']);
    expect(query.milliseconds).toBeLessThan(10_000);
    await startServer.readModel();
    const position = command.headers.get('ledger-position');
    await expect
      .poll(async () => (await http.get(`/v1/accounts/alice?min_position=${position}`)).status, {
        timeout: 30_000,
      })
      .toBe(200);
    expect(await posted(position)).toBe('130');
  });
});

describe('SIGTERM', () => {
  test('ends each role by itself, with exit code 0 and within 15 s', async () => {
    for (const [name, role] of roles) {
      const started = performance.now();
      await role.stop(20_000);
      expect(await role.exited, name).toEqual({ code: 0, signal: null });
      expect(performance.now() - started).toBeLessThan(15_000);
    }
  });
});
