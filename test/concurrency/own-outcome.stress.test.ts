/**
 * Commands to one resource share its workflow id, and come at the same moment. Each client must be told what became of
 * its own command, and of no other: the log's receipt of each key is compared with what everybody was told.
 */
import { Client, Connection } from '@temporalio/client';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { idempotencyKey } from '../../api/commands/idempotency.ts';
import type { AggregateRef } from '../../contracts/subjects.ts';
import type { EventReader } from '../../eventlog/read/event-reader.ts';
import { createEventReader } from '../../eventlog/read/reader.ts';
import { runs } from '../support/fuzz/fuzz-settings.ts';
import { httpClient, type Reply } from '../support/http/http.ts';
import { startTwoTallybooks, type TwoTallybooks } from '../support/processes/two-tallybooks.ts';

let both: TwoTallybooks;
let clients: ReturnType<typeof httpClient>[];
let temporal: Client;
let nats: NatsConnection;
let log: EventReader;

beforeAll(async () => {
  both = await startTwoTallybooks();
  clients = both.urls.map(httpClient);
  temporal = new Client({ connection: await Connection.connect({ address: both.first.temporalAddress }) });
  nats = await connect({ servers: `nats://127.0.0.1:${both.first.natsPort}` });
  log = createEventReader(nats, 'main');
});
afterAll(async () => {
  await temporal.connection.close();
  await nats.close();
  await both.remove();
});

/** A request that may be sent again, word for word. */
type Command = { readonly name: string; readonly path: string; readonly body: object; readonly key: string };
type Sent = { readonly command: Command; readonly replies: readonly Reply[] };
/** A resource that has begun, and the request that began it. */
type Begun = { readonly ref: AggregateRef; readonly begin: Command; readonly sent: Reply };

const EUR = { currency: 'EUR' };
let made = 0;
const command = (name: string, path: string, body: object = {}): Command => ({
  name,
  path,
  body,
  key: `own outcome ${(made += 1)}`,
});

const ATTEMPTS = 8;
/** Sends it until somebody says what became of it. */
async function send({ path, body, key }: Command, client: ReturnType<typeof httpClient>): Promise<Reply> {
  for (let attempt = 1; ; attempt += 1) {
    const reply = await client.post(path, body, { 'idempotency-key': key });
    if (reply.status !== 503 || attempt === ATTEMPTS) return reply;
  }
}

async function purse(): Promise<string> {
  const id = `purse-${(made += 1)}`;
  await expectDone(command('open', '/v1/accounts', { id, owner: id, ...EUR }));
  await expectDone(command('fund', '/v1/deposits', { account: id, amount: '100', ...EUR }));
  return id;
}

async function expectDone(wanted: Command): Promise<Reply> {
  const reply = await send(wanted, clients[0]!);
  expect(reply.status, JSON.stringify(reply.body)).toBeLessThan(300);
  return reply;
}

/** What may be asked of a kind of resource, and the events that say that it was done. */
type Kind = {
  readonly begin: () => Promise<Begun>;
  readonly commands: Readonly<Record<string, { path: string; body?: () => object; event: string }>>;
};

async function begun(ref: Omit<AggregateRef, 'id'>, begin: Command): Promise<Begun> {
  const sent = await expectDone(begin);
  return { ref: { ...ref, id: sent.body.id }, begin, sent };
}

async function beginTransfer(more: object): Promise<Begun> {
  const terms = { source: await purse(), destination: 'world_EUR', amount: '10', ...EUR };
  return begun({ aggregate: 'transfer' }, command('begin', '/v1/transfers', { ...terms, ...more }));
}

const DECISIONS = {
  approve: { path: 'approve', event: 'TransferApproved' },
  reject: { path: 'reject', event: 'TransferRejected' },
  cancel: { path: 'cancel', event: 'TransferCancelled' },
};

const KINDS: Record<string, Kind> = {
  'a hold': {
    async begin() {
      const terms = { account: await purse(), amount: '10', expires_in_seconds: 600, ...EUR };
      return begun({ aggregate: 'hold' }, command('begin', '/v1/holds', terms));
    },
    commands: {
      capture: { path: 'capture', body: () => ({ amount: '7' }), event: 'HoldCaptured' },
      void: { path: 'void', event: 'HoldVoided' },
      extend: { path: 'extend', body: () => ({ expires_in_seconds: 900 + made }), event: 'HoldExtended' },
    },
  },
  'a transfer that waits for approval': {
    begin: () => beginTransfer({ approval: { timeout_seconds: 600 } }),
    commands: DECISIONS,
  },
  'a transfer that waits for its date': {
    begin: () => beginTransfer({ scheduled_for: new Date(Date.now() + 3_600_000).toISOString() }),
    commands: { cancel: DECISIONS.cancel },
  },
  'a posted transfer': {
    begin: () => beginTransfer({}),
    commands: { reverse: { path: 'reversal', body: () => ({ amount: '4' }), event: 'TransferReversed' } },
  },
  'an account': {
    async begin() {
      const id = `account-${(made += 1)}`;
      return begun({ aggregate: 'account' }, command('begin', '/v1/accounts', { id, owner: id, ...EUR }));
    },
    commands: {
      freeze: { path: 'freeze', event: 'AccountFrozen' },
      unfreeze: { path: 'unfreeze', event: 'AccountUnfrozen' },
      close: { path: 'close', event: 'AccountClosed' },
    },
  },
};

/** The workflow is gone, as when a person has terminated it, or nothing was lost. */
async function lose({ ref }: Begun): Promise<void> {
  const handle = temporal.workflow.getHandle(`${ref.aggregate}/${ref.id}`);
  await handle.terminate('lost').catch((error: unknown) => {
    if (!(error instanceof Error) || error.name !== 'WorkflowNotFoundError') throw error;
  });
}

type Round = {
  readonly kind: Kind;
  readonly pair: readonly string[];
  readonly lost: boolean;
  readonly apis: number;
};

/** Both commands and the beginning, each of them twice, at once. */
async function race({ kind, pair, lost, apis }: Round): Promise<void> {
  const resource = await kind.begin();
  if (lost) await lose(resource);
  const { ref, begin } = resource;
  const own = pair.map((name) => {
    const { path, body } = kind.commands[name]!;
    return command(name, `/v1/${ref.aggregate}s/${ref.id}/${path}`, body?.());
  });
  const turn = () => clients[(made += 1) % apis]!;
  const sent = await Promise.all(
    [...own, begin].map(async (wanted): Promise<Sent> => {
      const replies = await Promise.all([send(wanted, turn()), send(wanted, turn())]);
      return { command: wanted, replies };
    }),
  );
  for (const each of sent) expectOneResponse(each);
  const [beginning] = sent.at(-1)!.replies;
  expect(textOf(beginning!), 'the request that began it, again').toBe(textOf(resource.sent));
  const done = new Map<string, number>();
  for (const each of sent.slice(0, -1)) {
    if (await expectAsInLog(ref, each)) {
      done.set(each.command.name, (done.get(each.command.name) ?? 0) + 1);
    }
  }
  const names: string[] = [];
  for await (const events of log.events({ aggregate: ref })) names.push(...events.map(({ name }) => name));
  for (const [name, { event }] of Object.entries(kind.commands)) {
    const happened = names.filter((one) => one === event).length;
    // What changes nothing (an account that is open is unfrozen, a hold does not expire later than it did) leaves no
    // event, and is told as done.
    if (ref.aggregate === 'account' || name === 'extend')
      expect(happened).toBeLessThanOrEqual(done.get(name) ?? 0);
    else expect(happened, `${event} for ${name}`).toBe(done.get(name) ?? 0);
  }
}

const textOf = ({ status, body }: Reply) => `${status} ${JSON.stringify(body)}`;

/** The same request twice: one answer, and one of the two at most brought it about. */
function expectOneResponse({ command: wanted, replies }: Sent): void {
  const [one, other] = replies.map((reply) => textOf(withoutInstance(reply)));
  expect(one, `${wanted.name}, twice with one key`).toBe(other);
}

/** A problem names its own request. */
function withoutInstance(reply: Reply): Reply {
  if (reply.status < 400) return reply;
  const { instance: _, request_id: __, ...body } = reply.body;
  return { ...reply, body };
}

/** True if the log has it as done. */
async function expectAsInLog({ aggregate }: AggregateRef, sent: Sent): Promise<boolean> {
  const { key, name } = sent.command;
  const [{ status, body }] = sent.replies as [Reply];
  const id = idempotencyKey(key).transferId;
  if (name === 'reverse') {
    const first = await log.first({ aggregate: 'transfer', id });
    expect({ name, status, id: status < 300 ? body.id : id }).toEqual({
      name,
      status: first ? 201 : 409,
      id,
    });
    return first !== undefined;
  }
  const receipt = await log.first({ aggregate: 'command', id });
  if (!receipt || receipt.data.rejection) {
    const code = receipt?.data.rejection?.code;
    expect({ name, status: status >= 400, code: body.code }).toEqual({
      name,
      status: true,
      code: code ?? body.code,
    });
    return false;
  }
  const kept = receipt.data[aggregate as 'hold' | 'transfer' | 'account'] as Record<string, unknown>;
  const { position: _, workflow_id: __, ...recorded } = kept;
  expect({ name, status, ...(body as object) }).toMatchObject({ name, status: 200, ...recorded });
  return true;
}

function pairsOf(names: readonly string[]): string[][] {
  return names.flatMap((one, index) => names.slice(index).map((other) => [one, other]));
}

const SITUATIONS = [
  { title: 'over one API', lost: false, apis: 1 },
  { title: 'over two APIs', lost: false, apis: 2 },
  { title: 'over one API, their workflow lost', lost: true, apis: 1 },
  { title: 'over two APIs, their workflow lost', lost: true, apis: 2 },
];

describe.each(Object.entries(KINDS))('commands to %s at once', (_, kind) => {
  test.each(SITUATIONS)('are each told what became of them, $title', async ({ lost, apis }) => {
    const pairs = pairsOf(Object.keys(kind.commands));
    expect(pairs).not.toEqual([]);
    for (const pair of pairs) {
      for (let round = 0; round < runs(1); round += 1) {
        await Promise.all([0, 1].map(() => race({ kind, pair, lost, apis })));
      }
    }
  });
});
