/**
 * Commands to one resource share its workflow id, and come at the same moment. Each client must be told what became of
 * its own command, and of no other: the log's receipt of each key is compared with what everybody was told.
 */
import { Client, Connection } from '@temporalio/client';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { idempotencyKey } from '../../api/commands/idempotency.ts';
import type { RecordedEvent, TransferRecord } from '../../contracts/events.ts';
import type { AggregateRef } from '../../contracts/subjects.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { defined } from '../../domain/optional-fields.ts';
import type { EventReader } from '../../eventlog/read/event-reader.ts';
import { createEventReader } from '../../eventlog/read/reader.ts';
import { transferFrom } from '../../messages/mapping/resources.ts';
import { runs } from '../support/fuzz/fuzz-settings.ts';
import {
  command,
  expectOneResult,
  expectOneCarriedOut,
  next,
  pairsOf,
  RAIL_SECRET,
  resultOf,
  send,
  sendAtOnce,
  type Command,
  type SentTwice,
} from '../support/http/repeated-requests.ts';
import { httpClient, type Reply } from '../support/http/http.ts';
import { startTwoTallybooks, type TwoTallybooks } from '../support/processes/two-tallybooks.ts';

let both: TwoTallybooks;
let clients: ReturnType<typeof httpClient>[];
let temporal: Client;
let nats: NatsConnection;
let log: EventReader;

beforeAll(async () => {
  // Nobody answers there: what the rail says, only its callbacks tell.
  const RAILS = `nobody=http://127.0.0.1:${await freePort()}`;
  both = await startTwoTallybooks({ RAILS, RAIL_SECRET });
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

const EUR = { currency: 'EUR' };

async function purse(): Promise<string> {
  const id = `purse-${next()}`;
  await expectDone(command('open', '/v1/accounts', { id, owner: id, ...EUR }));
  await expectDone(command('fund', '/v1/deposits', { account: id, amount: '100', ...EUR }));
  return id;
}

async function expectDone(wanted: Command): Promise<Reply> {
  const reply = await send(wanted, clients[0]!);
  expect(reply.status, JSON.stringify(reply.body)).toBeLessThan(300);
  return reply;
}

/** What may be asked of a resource, and the event that says that it was done. */
type Way = {
  /** Below the resource, or a whole one. */
  readonly path: string;
  readonly method?: 'post' | 'patch';
  readonly body?: (id: string) => object;
  /** None if others bring that about too. */
  readonly event?: string;
  /** It may be told as done when there was nothing to do. */
  readonly quiet?: true;
  /** It is refused, and leaves its key free, until others have made it possible. */
  readonly early?: true;
};

type Kind = {
  readonly aggregate: 'transfer' | 'hold' | 'account';
  /** The request that begins one. */
  readonly begin: () => Promise<Command>;
  /** What another request with the same key has instead. */
  readonly other: object;
  /** What must happen before the commands can come. */
  readonly before?: readonly string[];
  readonly commands: Readonly<Record<string, Way>>;
  /** All its pairs take half a minute and more: they are tried when `FUZZ_RUNS` asks for longer runs. */
  readonly long?: true;
};

const hold = async (more: object) =>
  command('begin', '/v1/holds', { account: await purse(), amount: '10', ...EUR, ...more });

const HOLD: Omit<Kind, 'begin'> = {
  aggregate: 'hold',
  other: { amount: '11' },
  commands: {
    capture: { path: 'capture', body: () => ({ amount: '7' }), event: 'HoldCaptured' },
    void: { path: 'void', event: 'HoldVoided' },
    // It does not expire later than it did.
    extend: {
      path: 'extend',
      body: () => ({ expires_in_seconds: 900 + next() }),
      event: 'HoldExtended',
      quiet: true,
    },
  },
};

const transfer = async (more: object) => {
  const terms = { source: await purse(), destination: 'world_EUR', amount: '10', ...EUR };
  return command('begin', '/v1/transfers', { ...terms, ...more });
};

const TRANSFER = { aggregate: 'transfer', other: { amount: '11' } } as const;

const DECISIONS = {
  approve: { path: 'approve', event: 'TransferApproved' },
  reject: { path: 'reject', event: 'TransferRejected' },
  cancel: { path: 'cancel', event: 'TransferCancelled' },
};

const payment = async () =>
  command('begin', '/v1/withdrawals', { account: await purse(), amount: '10', rail: 'nobody', ...EUR });

const callback = (state: string, event?: string): Way => ({
  path: '/v1/rails/nobody/callbacks',
  body: (id) => ({ id, state }),
  ...defined({ event }),
  quiet: true,
});
const resolve = (outcome: string, event: string): Way => ({
  path: 'resolve',
  body: () => ({ outcome }),
  event,
  early: true,
});

const OUTCOMES = {
  settled: callback('settled', 'TransferCompleted'),
  declined: callback('declined', 'TransferFailed'),
  completed: resolve('completed', 'TransferCompleted'),
  failed: resolve('failed', 'TransferFailed'),
};

const KINDS: Record<string, Kind> = {
  'a hold': { ...HOLD, begin: () => hold({ expires_in_seconds: 600 }) },
  'a hold without an end': { ...HOLD, begin: () => hold({}) },
  'a transfer that waits for approval': {
    ...TRANSFER,
    begin: () => transfer({ approval: { timeout_seconds: 600 } }),
    commands: DECISIONS,
  },
  'a transfer that waits for its date': {
    ...TRANSFER,
    begin: () => transfer({ scheduled_for: new Date(Date.now() + 3_600_000).toISOString() }),
    commands: { cancel: DECISIONS.cancel },
  },
  'a posted transfer': {
    ...TRANSFER,
    begin: () => transfer({}),
    commands: { reverse: { path: 'reversal', body: () => ({ amount: '4' }), event: 'TransferReversed' } },
  },
  'a payment that its rail has': {
    ...TRANSFER,
    long: true,
    begin: () => payment(),
    commands: { ...OUTCOMES, unknown: callback('unknown'), cancel: DECISIONS.cancel },
  },
  'a parked payment': {
    ...TRANSFER,
    long: true,
    begin: () => payment(),
    before: ['unknown'],
    commands: { ...OUTCOMES, unknown: callback('unknown') },
  },
  'an account': {
    aggregate: 'account',
    async begin() {
      const id = `account-${next()}`;
      return command('begin', '/v1/accounts', { id, owner: id, ...EUR });
    },
    other: { owner: 'another' },
    commands: {
      freeze: { path: 'freeze', event: 'AccountFrozen', quiet: true },
      unfreeze: { path: 'unfreeze', event: 'AccountUnfrozen', quiet: true },
      close: { path: 'close', event: 'AccountClosed', quiet: true },
      update: {
        path: '',
        method: 'patch',
        body: () => ({ overdraft_limit: `${next()}` }),
        event: 'AccountUpdated',
        quiet: true,
      },
    },
  },
};

/** The workflow is gone, as when a person has terminated it, or nothing was lost. */
async function lose({ aggregate, id }: AggregateRef): Promise<void> {
  const handle = temporal.workflow.getHandle(`${aggregate}/${id}`);
  await handle.terminate('lost').catch((error: unknown) => {
    if (!(error instanceof Error) || error.name !== 'WorkflowNotFoundError') throw error;
  });
}

function commandTo(
  { aggregate, id }: AggregateRef,
  name: string,
  { path, body, method = 'post' }: Way,
): Command {
  const below = `/v1/${aggregate}s/${id}${path === '' ? '' : `/${path}`}`;
  return { ...command(name, path.startsWith('/') ? path : below, body?.(id)), method };
}

type Round = {
  readonly kind: Kind;
  readonly pair: readonly string[];
  readonly lost: boolean;
  readonly apis: number;
};

/** Both commands and the beginning, each of them twice, at once. */
async function race({ kind, pair, lost, apis }: Round): Promise<void> {
  const begin = await kind.begin();
  const begun = await expectDone(begin);
  const ref = { aggregate: kind.aggregate, id: begun.body.id as string };
  const ask = (name: string) => commandTo(ref, name, kind.commands[name]!);
  for (const name of kind.before ?? []) await expectDone(ask(name));
  if (lost) await lose(ref);
  const sent = await sendAtOnce([...pair.map(ask), begin], clients.slice(0, apis));
  const beginning = sent.pop()!;
  for (const reply of beginning.replies) {
    expect(resultOf(reply), 'the request that began it, again').toBe(resultOf(begun));
  }
  const events: RecordedEvent[] = [];
  for await (const some of log.events({ aggregate: ref })) events.push(...some);
  const done = new Map<string, { certain: number; sent: number }>();
  for (const each of sent) {
    const { event, quiet } = kind.commands[each.command.name]!;
    const isDone = each.command.path.startsWith('/v1/rails/')
      ? expectAsItStood(events, each)
      : await expectAsInLog(kind, each);
    if (event === undefined || !isDone) continue;
    const before = done.get(event) ?? { certain: 0, sent: 0 };
    done.set(event, { certain: before.certain + (quiet ? 0 : 1), sent: before.sent + 1 });
  }
  for (const event of new Set(Object.values(kind.commands).flatMap((way) => way.event ?? []))) {
    const happened = events.filter(({ name }) => name === event).length;
    const { certain = 0, sent: most = 0 } = done.get(event) ?? {};
    expect(happened, event).toBeGreaterThanOrEqual(certain);
    expect(happened, event).toBeLessThanOrEqual(most);
  }
}

/** What a rail is told: how the transfer stood. True if that is what the rail has said. */
function expectAsItStood(
  events: readonly RecordedEvent[],
  { command: { name }, replies }: SentTwice,
): boolean {
  const ends = { settled: 'posted', declined: 'failed', unknown: 'pending' } as Record<string, string>;
  for (const { status, body, headers } of replies) {
    const at = Number(headers.get('ledger-position'));
    const last = events.findLast(({ position }) => position <= at);
    if (status === 200) {
      expect(body.status, name).toBe(transferFrom(last as TransferRecord).status);
      if (name !== 'unknown') expect(body.status, name).not.toBe('pending');
    } else expect([status, body.code]).toEqual([409, 'transfer_not_pending']);
  }
  return replies.some(({ status, body }) => status === 200 && body.status === ends[name]);
}

/** True if the log has it as done. */
async function expectAsInLog({ aggregate, commands }: Kind, sent: SentTwice): Promise<boolean> {
  const { key, name } = sent.command;
  const [one, other] = sent.replies;
  const apart = commands[name]!.early && one.status < 300 !== other.status < 300;
  if (!apart) expectOneResult(sent);
  const { status, body } = apart && one.status >= 300 ? other : one;
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
    const { code, detail } = receipt?.data.rejection ?? body;
    expect({ name, refused: status >= 400, code: body.code, detail: body.detail }).toEqual({
      name,
      refused: true,
      code,
      detail,
    });
    return false;
  }
  const kept = receipt.data[aggregate] as Record<string, unknown>;
  const { position: _, workflow_id: __, ...recorded } = kept;
  expect({ name, status, ...(body as object) }).toMatchObject({ name, status: 200, ...recorded });
  return true;
}

const SITUATIONS = [
  { title: 'over one API', lost: false, apis: 1 },
  { title: 'over two APIs', lost: false, apis: 2 },
  { title: 'over one API, their workflow lost', lost: true, apis: 1 },
  { title: 'over two APIs, their workflow lost', lost: true, apis: 2 },
];

const TRIED = Object.entries(KINDS).filter(([, { long }]) => !long || runs(1) > 1);

describe.each(TRIED)('commands to %s at once', (_, kind) => {
  test.each(SITUATIONS)('are each told what became of them, $title', async ({ lost, apis }) => {
    const pairs = pairsOf(Object.keys(kind.commands));
    expect(pairs).not.toEqual([]);
    for (const pair of pairs) {
      for (let round = 0; round < runs(1); round += 1) {
        await Promise.all([0, 1].map(() => race({ kind, pair, lost, apis })));
      }
    }
  });

  test.each([1, 2])('begun in two ways with one key, it is one of them: %i APIs', async (apis) => {
    for (let round = 0; round < runs(4); round += 1) {
      const one = await kind.begin();
      const other = { ...one, body: { ...one.body, ...kind.other } };
      const sent = await sendAtOnce([one, other], clients.slice(0, apis));
      const { command: carried, replies } = expectOneCarriedOut(sent);
      const [{ body }] = replies;
      const [field] = Object.keys(kind.other);
      const first = await log.first({ aggregate: kind.aggregate, id: body.id });
      const wanted = (carried.body as Record<string, unknown>)[field!];
      expect([body[field!], (first!.data as Record<string, unknown>)[field!]]).toEqual([wanted, wanted]);
    }
  });
});
