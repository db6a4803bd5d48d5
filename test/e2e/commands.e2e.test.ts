import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EVENT_DATA, EVENT_SUBJECTS, parseEventType } from '../../contracts/events.ts';
import { streamName } from '../../contracts/subjects.ts';
import { startThrowaway, type Throwaway } from '../../dev/throwaway.ts';
import { httpClient, type Reply } from '../support/http/http.ts';
import { samplesOf } from '../support/http/prometheus.ts';

let tallybook: Throwaway;
let http: ReturnType<typeof httpClient>;
let temporal: Client;
/** A transfer whose workflow Temporal is told to delete; it takes its time, so this comes first and is used last. */
let forgotten: Reply;
beforeAll(async () => {
  tallybook = await startThrowaway();
  http = httpClient(tallybook.url);
  temporal = new Client({ connection: await Connection.connect({ address: tallybook.temporalAddress }) });
  for (const id of ['alice', 'bob', 'carol']) {
    await http.post('/v1/accounts', { id, owner: id, currency: 'EUR' });
  }
  await http.post('/v1/deposits', { account: 'alice', amount: '1000', currency: 'EUR' });
  forgotten = await http.post('/v1/transfers', money('10'), key('forgotten'));
  const workflowId = forgotten.body.workflow_id as string;
  await temporal.workflow.getHandle(workflowId).result();
  await temporal.workflowService.deleteWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId },
  });
});
afterAll(async () => {
  await temporal.connection.close();
  await tallybook.remove();
});

const money = (amount: string) => ({ source: 'alice', destination: 'bob', amount, currency: 'EUR' });
const key = (name: string) => ({ 'idempotency-key': name });
const replayed = (reply: Reply) => reply.headers.get('idempotency-replayed') === 'true';

async function posted(account: string, after: Reply): Promise<string> {
  const position = after.headers.get('ledger-position');
  return (await http.get(`/v1/accounts/${account}?min_position=${position}`)).body.balances.posted as string;
}

describe('the same key', () => {
  test('a hundred times at once: one effect, one answer, and one of them was the first', async () => {
    const replies = await Promise.all(
      Array.from({ length: 100 }, () => http.post('/v1/transfers', money('10'), key('hundred'))),
    );
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(replies.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect(replies.filter((reply) => !replayed(reply))).toHaveLength(1);
    expect(await posted('bob', replies[0]!)).toBe('20');
  });

  test('with another body, or on another route: refused, nothing moved', async () => {
    const first = await http.post('/v1/transfers', money('10'), key('mine'));
    const balance = await posted('bob', first);
    const body = await http.post('/v1/transfers', money('12'), key('mine'));
    const route = await http.post(
      '/v1/deposits',
      { account: 'bob', amount: '10', currency: 'EUR' },
      key('mine'),
    );
    for (const reply of [body, route])
      expect([reply.status, reply.body.code]).toEqual([422, 'idempotency_key_reused']);
    expect(await posted('bob', first)).toBe(balance);
  });

  test('is not used up by a request that recorded nothing', async () => {
    const invalid = await http.post('/v1/transfers', money('-1'), key('patient'));
    expect(invalid.status).toBe(400);
    const toDora = { ...money('10'), destination: 'dora' };
    const nobody = await http.post('/v1/transfers', toDora, key('patient'));
    expect([nobody.status, nobody.body.code]).toEqual([404, 'account_not_found']);
    await http.post('/v1/accounts', { id: 'dora', owner: 'dora', currency: 'EUR' });
    const now = await http.post('/v1/transfers', toDora, key('patient'));
    expect([now.status, replayed(now)]).toEqual([201, false]);
  });

  test('on a refused transfer: the refusal again, though the money is there by now', async () => {
    const much = { account: 'carol', amount: '500', currency: 'EUR' };
    const refused = await http.post('/v1/withdrawals', much, key('too much'));
    expect([refused.status, refused.body.code]).toEqual([422, 'insufficient_funds']);
    await http.post('/v1/deposits', much);
    const again = await http.post('/v1/withdrawals', much, key('too much'));
    expect([again.status, again.body, replayed(again)]).toEqual([422, refused.body, true]);
    const recorded = await http.get(
      `/v1/transfers/${refused.body.transfer}?min_position=${again.headers.get('ledger-position')}`,
    );
    expect(recorded.body).toMatchObject({ status: 'rejected', reason: 'insufficient_funds' });
  });

  test('on commands to accounts: the answer of then, whatever happened since', async () => {
    const create = { owner: 'erin', currency: 'EUR' };
    const created = await http.post('/v1/accounts', create, key('erin'));
    const { id } = created.body;
    const frozen = await http.post(`/v1/accounts/${id}/freeze`, { reason: 'lost' }, key('freeze erin'));
    expect(frozen.body).toMatchObject({ status: 'frozen', version: 2 });
    await http.post(`/v1/accounts/${id}/unfreeze`, {});
    const frozenAgain = await http.post(`/v1/accounts/${id}/freeze`, { reason: 'lost' }, key('freeze erin'));
    expect([frozenAgain.body, replayed(frozenAgain)]).toEqual([frozen.body, true]);
    const createdAgain = await http.post('/v1/accounts', create, key('erin'));
    expect([createdAgain.status, createdAgain.body, replayed(createdAgain)]).toEqual([
      201,
      created.body,
      true,
    ]);
    const other = await http.post('/v1/accounts', { ...create, id: 'elsewhere' }, key('erin'));
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
    expect(
      (await http.get(`/v1/accounts/${id}?min_position=${frozenAgain.headers.get('ledger-position')}`)).body
        .status,
    ).toBe('open');
  });
});

describe('accounts', () => {
  test('many commands to one account at once are carried out one after the other', async () => {
    await http.post('/v1/accounts', { id: 'busy', owner: 'busy', currency: 'EUR' });
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        http.post(`/v1/accounts/busy/${index % 2 === 0 ? 'freeze' : 'unfreeze'}`, {}),
      ),
    );
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
  });

  test('are closed when they are empty, and never used again', async () => {
    await http.post('/v1/accounts', { id: 'brief', owner: 'brief', currency: 'EUR' });
    await http.post('/v1/deposits', { account: 'brief', amount: '5', currency: 'EUR' });
    expect((await http.post('/v1/accounts/brief/close', {})).body.code).toBe('account_not_empty');
    await http.post('/v1/withdrawals', { account: 'brief', amount: '5', currency: 'EUR' });
    const closed = await http.post('/v1/accounts/brief/close', { reason: 'moved away' });
    expect([closed.status, closed.body.status]).toEqual([200, 'closed']);
    const late = await http.post('/v1/deposits', { account: 'brief', amount: '5', currency: 'EUR' });
    expect([late.status, late.body.code]).toEqual([422, 'account_closed']);
  });

  test('two hundred withdrawals at once from money for a few: exactly the few, and never below zero', async () => {
    await http.post('/v1/accounts', { id: 'pot', owner: 'pot', currency: 'EUR' });
    await http.post('/v1/deposits', { account: 'pot', amount: '50', currency: 'EUR' });
    const replies = await Promise.all(
      Array.from({ length: 200 }, () =>
        http.post('/v1/withdrawals', { account: 'pot', amount: '1', currency: 'EUR' }),
      ),
    );
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(50);
    expect(replies.filter(({ body }) => body.code === 'insufficient_funds')).toHaveLength(150);
    const last = Math.max(...replies.map((reply) => Number(reply.headers.get('ledger-position'))));
    expect((await http.get(`/v1/accounts/pot?min_position=${last}`)).body.balances.posted).toBe('0');
  });
});

describe('waiting or not', () => {
  test('respond-async answers 202 as soon as the command is durable, and Location leads to it at once', async () => {
    const headers = { ...key('later'), prefer: 'respond-async' };
    const accepted = await http.post('/v1/transfers', money('1'), headers);
    expect([accepted.status, accepted.headers.get('preference-applied')]).toEqual([202, 'respond-async']);
    const location = accepted.headers.get('location') ?? '';
    expect((await http.get(location)).status).toBe(200);
    await expect.poll(async () => (await http.get(location)).body.status, { timeout: 10_000 }).toBe('posted');
  });

  test('a position that is never reached is answered 503 after 5 s', async () => {
    const reply = await http.get('/v1/accounts/alice?min_position=999999999');
    expect([reply.status, reply.body.code]).toEqual([503, 'position_not_reached']);
    expect(reply.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(reply.milliseconds).toBeLessThan(7_000);
  });
});

describe('metrics', () => {
  test('count what became of commands, and what the log stored for them', async () => {
    const samples = async () => samplesOf((await http.get('/metrics')).body as string);
    const before = await samples();
    await Promise.all(
      [1, 2, 3].map((index) => http.post('/v1/transfers', money('1'), key(`counted ${index}`))),
    );
    await http.post('/v1/transfers', money('1'), key('counted 1'));
    await http.post('/v1/transfers', money('99999'), key('counted 4'));
    await http.post('/v1/transfers', { ...money('1'), destination: 'ghost' });
    const frozen = await http.post('/v1/accounts/carol/freeze', {});
    await http.get(`/v1/accounts/carol?min_position=${frozen.headers.get('ledger-position')}`);
    const after = await samples();
    const grown = (name: string) => (after[name] ?? NaN) - (before[name] ?? 0);
    const outcomes = ['posted', 'rejected', 'changed', 'error', 'overloaded', 'unavailable'].map((outcome) =>
      grown(`tallybook_appender_commands_total{outcome="${outcome}"}`),
    );
    expect(outcomes).toEqual([3, 1, 1, 1, 0, 0]);
    // Three messages for each transfer, one for the rejected one, and one and its receipt for the account.
    expect(grown('tallybook_appender_events_total')).toBe(3 * 3 + 1 + 2);
    expect(grown('tallybook_log_position')).toBe(3 * 3 + 1 + 2);
    expect(grown('tallybook_appender_batches_total')).toBe(
      grown('tallybook_appender_append_duration_seconds_count'),
    );
    expect(after['tallybook_projector_lag_events']).toBe(0);
    expect([after['tallybook_appender_queue_depth'], after['tallybook_appender_queue_max']]).toEqual([
      0, 10_000,
    ]);
    const created = 'tallybook_http_requests_total{method="POST",route="/v1/transfers",status="201"}';
    expect(grown(created)).toBe(4);
  });
});

/** The ids of the workflows that Temporal's list shows for a query. */
const workflowIds = async (query: string): Promise<string[]> => {
  const ids: string[] = [];
  for await (const { workflowId } of temporal.workflow.list({ query })) ids.push(workflowId);
  return ids;
};

describe('in Temporal', () => {
  test('a support person finds a transfer by account and by status', async () => {
    const refused = await http.post('/v1/transfers', money('999999'), key('findable'));
    const id = `transfer/${refused.body.transfer}`;
    const rejected = `LedgerAccounts = "alice" AND LedgerStatus = "rejected" AND LedgerAmount > 999998`;
    await expect.poll(() => workflowIds(rejected), { timeout: 10_000 }).toEqual([id]);
    expect(await workflowIds('LedgerAccounts = "nobody"')).toEqual([]);
  });

  test('input and result of a workflow are plain JSON with amounts as strings', async () => {
    const reply = await http.post('/v1/transfers', money('1'));
    const handle = temporal.workflow.getHandle(reply.body.workflow_id as string);
    expect(await handle.result()).toMatchObject({ transfer: reply.body });
  });
});

describe('on NATS', () => {
  test('every message that anyone can read is what the contract says', async () => {
    const nc = await connect({ servers: `nats://127.0.0.1:${tallybook.natsPort}` });
    const last = (await http.get('/readyz')).body.projector.last_position as number;
    const consumer = await jetstream(nc).consumers.get(streamName('main'), {
      filter_subjects: ['ledger.main.>'],
    });
    const seen = new Set<string>();
    const versions = new Map<string, number>();
    for await (const message of await consumer.consume()) {
      const header = (name: string) => message.headers?.get(name) ?? '';
      const name = parseEventType(header('ce-type'))?.name;
      expect(name, message.subject).toBeDefined();
      const { aggregate, token } = EVENT_SUBJECTS[name!];
      expect(message.subject).toBe(`ledger.main.${aggregate}.${header('ce-subject')}.${token}`);
      expect(() => EVENT_DATA[name!].parse(message.json()), message.subject).not.toThrow();
      expect(header('ce-specversion')).toBe('1.0');
      expect(header('ce-source')).toBe('/ledgers/main');
      expect(header('datacontenttype')).toBe('application/json');
      expect(header('ce-time')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(header('ce-hash')).toMatch(/^[0-9a-f]{64}$/);
      expect(header('ce-workflowid')).toMatch(/^(account|transfer|commands)\//);
      expect(seen.has(header('ce-id'))).toBe(false);
      seen.add(header('ce-id'));
      const id = `${aggregate}/${header('ce-subject')}`;
      expect(Number(header('ce-version'))).toBe((versions.get(id) ?? 0) + 1);
      versions.set(id, Number(header('ce-version')));
      if (message.seq >= last || message.info.pending === 0) break;
    }
    expect(seen.size).toBeGreaterThan(100);
    await nc.close();
  });

  test('nobody without the password can put anything there', async () => {
    const nc = await connect({ servers: `nats://127.0.0.1:${tallybook.natsPort}` });
    const heard: string[] = [];
    nc.subscribe('ledger.>', { callback: (_, message) => void heard.push(message.subject) });
    await nc.flush();
    nc.publish('ledger.main.account.alice.deposited', '{}');
    nc.publish('append.main.account.alice.deposited', '{}');
    nc.publish('$JS.API.INFO', '', { reply: 'append.main.account.alice.deposited' });
    await nc.flush();
    const after = await http.post('/v1/transfers', money('1'));
    await expect.poll(() => heard).toHaveLength(3);
    expect(heard.at(-1)).toBe(`ledger.main.transfer.${after.body.id}.completed`);
    await nc.close();
  });
});

describe('a key whose workflow was deleted from Temporal', () => {
  test('still has the same answer, and still belongs to its request', async () => {
    const handle = temporal.workflow.getHandle(forgotten.body.workflow_id as string);
    const there = () =>
      handle.describe().then(
        () => true,
        () => false,
      );
    await expect.poll(there, { timeout: 90_000, interval: 500 }).toBe(false);
    const again = await http.post('/v1/transfers', money('10'), key('forgotten'));
    expect([again.status, again.body, replayed(again)]).toEqual([201, forgotten.body, true]);
    const other = await http.post('/v1/transfers', money('11'), key('forgotten'));
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
  });
});
