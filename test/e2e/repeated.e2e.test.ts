import { Client, Connection, WorkflowNotFoundError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startThrowaway, type Throwaway } from '../../dev/throwaway.ts';
import { httpClient, type Reply } from '../support/http/http.ts';

let tallybook: Throwaway;
let http: ReturnType<typeof httpClient>;
let client: Client;
beforeAll(async () => {
  tallybook = await startThrowaway();
  http = httpClient(tallybook.url);
  client = new Client({ connection: await Connection.connect({ address: tallybook.temporalAddress }) });
});
afterAll(async () => {
  await client.connection.close();
  await tallybook.remove();
});

type Body = Record<string, unknown>;

/** A command, what must be there before, and a body that asks for something else. */
type Command = {
  readonly name: string;
  /** Makes what the command is about, and gives its id. */
  readonly before?: (account: string) => Promise<string>;
  readonly path: (id: string) => string;
  readonly body: (account: string) => Body;
  readonly other: Body;
  readonly status: number;
  /** The workflow that carried it. */
  readonly workflow: (reply: Reply, id: string) => string;
};

const eur = (amount: string) => ({ amount, currency: 'EUR' });
let keys = 0;
const make = async (path: string, body: Body): Promise<string> => {
  const reply = await http.post(path, body, { 'idempotency-key': `before ${(keys += 1)}` });
  return reply.body.id as string;
};
const transfer = (source: string, more: Body = {}) =>
  make('/v1/transfers', { source, destination: 'world_EUR', ...eur('10'), ...more });
const waiting = (source: string) => transfer(source, { approval: { timeout_seconds: 600 } });
const hold = (account: string) => make('/v1/holds', { account, ...eur('10'), expires_in_seconds: 600 });

const own = ({ body }: Reply) => body.workflow_id as string;
const answer = (what: string): Command => ({
  name: what,
  before: waiting,
  path: (id) => `/v1/transfers/${id}/${what}`,
  body: () => ({ reason: 'fine' }),
  other: { reason: 'not fine' },
  status: 200,
  workflow: (_reply, id) => `transfer/${id}`,
});
const ofHold = (what: string, body: Body, other: Body): Command => ({
  name: what,
  before: hold,
  path: (id) => `/v1/holds/${id}/${what}`,
  body: () => body,
  other,
  status: 200,
  workflow: (_reply, id) => `hold/${id}`,
});

const COMMANDS: Command[] = [
  {
    name: 'create an account',
    path: () => '/v1/accounts',
    body: () => ({ owner: 'again', currency: 'EUR' }),
    other: { owner: 'another' },
    status: 201,
    workflow: ({ body }) => `account/${body.id as string}`,
  },
  {
    name: 'freeze an account',
    before: (account) => Promise.resolve(account),
    path: (id) => `/v1/accounts/${id}/freeze`,
    body: () => ({ reason: 'lost card' }),
    other: { reason: 'found card' },
    status: 200,
    workflow: (_reply, id) => `account/${id}`,
  },
  ...(['deposits', 'withdrawals'] as const).map((name) => ({
    name,
    path: () => `/v1/${name}`,
    body: (account: string) => ({ account, ...eur('10') }),
    other: eur('11'),
    status: 201,
    workflow: own,
  })),
  {
    name: 'transfer',
    path: () => '/v1/transfers',
    body: (source) => ({ source, destination: 'world_EUR', ...eur('10') }),
    other: eur('11'),
    status: 201,
    workflow: own,
  },
  {
    name: 'a transfer that is rejected',
    path: () => '/v1/transfers',
    body: (source) => ({ source, destination: 'world_EUR', ...eur('10000') }),
    other: eur('10'),
    status: 422,
    workflow: ({ body }) => `transfer/${body.transfer as string}`,
  },
  {
    name: 'a transfer that waits for approval',
    path: () => '/v1/transfers',
    body: (source) => ({
      source,
      destination: 'world_EUR',
      ...eur('10'),
      approval: { timeout_seconds: 600 },
    }),
    other: { approval: { timeout_seconds: 601 } },
    status: 202,
    workflow: own,
  },
  answer('approve'),
  answer('reject'),
  answer('cancel'),
  {
    name: 'reversal',
    before: transfer,
    path: (id) => `/v1/transfers/${id}/reversal`,
    body: () => ({ amount: '4' }),
    other: { amount: '5' },
    status: 201,
    workflow: own,
  },
  {
    name: 'transaction',
    path: () => '/v1/transactions',
    body: (account) => ({
      entries: [
        { account, direction: 'debit', ...eur('10') },
        { account: 'world_EUR', direction: 'credit', ...eur('10') },
      ],
    }),
    other: { reference: 'another' },
    status: 201,
    workflow: own,
  },
  {
    name: 'hold',
    path: () => '/v1/holds',
    body: (account) => ({ account, ...eur('10'), expires_in_seconds: 600 }),
    other: { expires_in_seconds: 601 },
    status: 201,
    workflow: own,
  },
  {
    name: 'a hold that is refused',
    path: () => '/v1/holds',
    body: (account) => ({ account, ...eur('10000') }),
    other: eur('10'),
    status: 422,
    workflow: () => '',
  },
  ofHold('capture', { amount: '4' }, { amount: '5' }),
  ofHold('void', { reason: 'fine' }, { reason: 'not fine' }),
  ofHold('extend', { expires_in_seconds: 1_200 }, { expires_in_seconds: 1_800 }),
];

/** Deletes a workflow, and waits until Temporal does not know it any more. */
async function forget(workflowId: string): Promise<void> {
  const { namespace } = client.options;
  for (;;) {
    try {
      await client.workflow.getHandle(workflowId).describe();
      await client.workflowService
        .deleteWorkflowExecution({ namespace, workflowExecution: { workflowId } })
        .catch(() => {});
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return;
      throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Everything that the ledger has of it. */
async function lastPosition(): Promise<number> {
  return (await http.get('/readyz')).body.projector.last_position as number;
}

/** What was asked for the first time, and how it was answered. */
type Sent = { readonly command: Command; readonly id: string; readonly body: Body; readonly first: Reply };

const ask = ({ command, id }: Pick<Sent, 'command' | 'id'>, body: Body) =>
  http.post(command.path(id), body, { 'idempotency-key': `the same: ${command.name}` });

/** The answer of the first time, and nothing more in the log; another body is refused. */
async function again(sent: Sent): Promise<void> {
  const { command, body, first } = sent;
  const position = await lastPosition();
  const reply = await ask(sent, body);
  expect([reply.status, reply.headers.get('idempotency-replayed')]).toEqual([command.status, 'true']);
  expect(reply.body).toEqual(first.body);
  const reused = await ask(sent, { ...body, ...command.other });
  expect([reused.status, reused.body.code]).toEqual([422, 'idempotency_key_reused']);
  expect(await lastPosition()).toBe(position);
}

describe('the same command', () => {
  const done: Sent[] = [];

  test.each(COMMANDS)('$name: a hundred times at once, again, and with another body', async (command) => {
    const account = await make('/v1/accounts', { owner: command.name, currency: 'EUR' });
    await make('/v1/deposits', { account, ...eur('1000') });
    const id = (await command.before?.(account)) ?? '';
    const body = command.body(account);
    const replies = await Promise.all(Array.from({ length: 100 }, () => ask({ command, id }, body)));
    const [first] = replies as [Reply];
    expect(first.status, JSON.stringify(first.body)).toBe(command.status);
    for (const reply of replies) {
      expect(reply.status).toBe(command.status);
      expect(reply.body).toEqual(first.body);
    }
    expect(replies.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1);
    const sent = { command, id, body, first };
    await again(sent);
    done.push(sent);
  });

  test('with the key of any other one is refused, and changes nothing', async () => {
    expect(done).toHaveLength(COMMANDS.length);
    const position = await lastPosition();
    for (const { command, id, body } of done) {
      const others = COMMANDS.filter((other) => other !== command);
      const replies = await Promise.all(
        others.map(({ name }) =>
          http.post(command.path(id), body, { 'idempotency-key': `the same: ${name}` }),
        ),
      );
      for (const [at, { status, body: problem }] of replies.entries()) {
        const what = `${command.name} with the key of ${others[at]?.name}`;
        expect([status, problem.code], what).toEqual([422, 'idempotency_key_reused']);
      }
    }
    expect(await lastPosition()).toBe(position);
  });

  test('again, when Temporal has forgotten all of their workflows', async () => {
    expect(done).toHaveLength(COMMANDS.length);
    const workflows = done.map(({ command, first, id }) => command.workflow(first, id));
    await Promise.all(workflows.filter((workflowId) => workflowId !== '').map(forget));
    for (const sent of done) await again(sent);
  });
});
