/**
 * Of bulks, schedules and webhooks the log keeps no receipts. Who asks for something of one at the same moment as others
 * must be told what became of that all the same: it is compared with what is kept of the resource afterwards, and with
 * the transfers in the log.
 */
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { Client, Connection, WorkflowNotFoundError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { idempotencyKey } from '../../api/commands/idempotency.ts';
import type { BulkOutcome } from '../../contracts/bulks.ts';
import type { RecordedEvent } from '../../contracts/events.ts';
import { streamName } from '../../contracts/subjects.ts';
import type { EventReader } from '../../eventlog/read/event-reader.ts';
import { createEventReader } from '../../eventlog/read/reader.ts';
import { filtersFor } from '../../webhooks/nats/consumers.ts';
import { openWebhookStores } from '../../webhooks/nats/stores.ts';
import { runs } from '../support/fuzz/fuzz-settings.ts';
import {
  command,
  expectOneResult,
  expectOneCarriedOut,
  next,
  pairsOf,
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
let stores: Awaited<ReturnType<typeof openWebhookStores>>;

beforeAll(async () => {
  both = await startTwoTallybooks();
  clients = both.urls.map(httpClient);
  temporal = new Client({ connection: await Connection.connect({ address: both.first.temporalAddress }) });
  // Readers may not see webhooks, whose secrets are with them.
  const own = { user: 'tallybook', pass: 'tallybook' };
  nats = await connect({ servers: `nats://127.0.0.1:${both.first.natsPort}`, ...own });
  log = createEventReader(nats, 'main');
  stores = await openWebhookStores(nats, { ledger: 'main', streamReplicas: 1 });
});
afterAll(async () => {
  await temporal.connection.close();
  await nats.close();
  await both.remove();
});

const EUR = { currency: 'EUR' };
const get = (path: string) => clients[0]!.get(path);

async function purse(amount: string): Promise<string> {
  const id = `purse-${next()}`;
  for (const asked of [
    command('open', '/v1/accounts', { id, owner: id, ...EUR }),
    command('fund', '/v1/deposits', { account: id, amount, ...EUR }),
  ]) {
    expect((await send(asked, clients[0]!)).status).toBe(201);
  }
  return id;
}

type Begun = { readonly path: string; readonly id: string; readonly begin: Command; readonly first: Reply };

async function begun(begin: Command): Promise<Begun> {
  const first = await send(begin, clients[0]!);
  expect(first.status, JSON.stringify(first.body)).toBeLessThan(300);
  const id = first.body.id as string;
  return { path: `${begin.path}/${id}`, id, begin, first };
}

const named = (told: readonly SentTwice[], name: string) => told.filter((each) => each.command.name === name);
const done = (told: readonly SentTwice[]) =>
  told.filter(({ replies }) => replies.some(({ status }) => status < 300));

type Way = { readonly path?: string; readonly method?: Command['method']; readonly body?: () => object };
type Kind = {
  readonly begin: () => Promise<Command>;
  /** What another request with the same key has instead. */
  readonly other: object;
  readonly commands: Readonly<Record<string, Way>>;
  /** Compares what each was told with what is kept. */
  readonly check: (begun: Begun, told: readonly SentTwice[]) => Promise<void>;
};

/** Long enough to be in the middle of it when its workflow is terminated. */
const LINES = 900;

/** Every line of a bulk has come to its transfer, and it to what the line was told. */
async function expectWholeBulk(path: string, begin: Command): Promise<void> {
  await expect.poll(async () => (await get(path)).body.status, { timeout: 30_000 }).toBe('completed');
  const { transfers } = begin.body as { transfers: { source: string; amount: string }[] };
  const outcomes: BulkOutcome[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: Reply = await get(`${path}/results?limit=500${cursor && `&cursor=${cursor}`}`);
    outcomes.push(...page.body.data);
    cursor = page.body.next_cursor;
  }
  expect(outcomes.map(({ status: each }) => each)).toEqual(transfers.map(() => 'posted'));
  const { source = '' } = transfers[0] ?? {};
  const moved: string[][] = [];
  for await (const some of log.events({ aggregate: { aggregate: 'account', id: source } })) {
    for (const { name, data } of some as RecordedEvent<'MoneyWithdrawn'>[]) {
      if (name === 'MoneyWithdrawn') moved.push([data.transfer, data.amount]);
    }
  }
  const told = outcomes.map(({ transfer = '' }, index) => [transfer, transfers[index]!.amount]);
  expect(moved).toEqual(told);
}

const KINDS: Record<string, Kind> = {
  schedules: {
    async begin() {
      const transfer = { source: await purse('100'), destination: 'world_EUR', amount: '10', ...EUR };
      return command('begin', '/v1/schedules', { transfer, every_seconds: 86_400 });
    },
    other: { every_seconds: 43_200 },
    commands: {
      pause: { path: '/pause', body: () => ({ reason: `pause ${next()}` }) },
      resume: { path: '/resume', body: () => ({ reason: `resume ${next()}` }) },
      trigger: { path: '/trigger' },
      delete: { method: 'delete' },
    },
    async check({ path, id, begin, first }, told) {
      const deleted = done(named(told, 'delete')).length > 0;
      const asked = [...named(told, 'pause'), ...named(told, 'resume')].map((each) => {
        const status = each.command.name === 'pause' ? 'paused' : 'active';
        return { replies: each.replies, own: { status, ...each.command.body } };
      });
      for (const { replies, own } of asked) {
        for (const { status, body } of replies) {
          if (!deleted || status !== 404) expect([status, body]).toMatchObject([200, own]);
        }
      }
      for (const each of named(told, 'trigger')) {
        if (!deleted) expectOneResult(each);
        const { transferId } = idempotencyKey(each.command.key);
        const transfer = await log.first({ aggregate: 'transfer', id: transferId });
        const posted = each.replies.filter(({ status }) => status === 201);
        for (const { body } of posted) expect(body.id).toBe(transferId);
        expect(posted.length > 0).toBe(transfer !== undefined);
        if (transfer) expect(transfer.data).toMatchObject({ schedule: id });
      }
      const now = await get(path);
      if (deleted) {
        expect(now.status).toBe(404);
        // The mark of a deleted one stays, and with it what its key stands for.
        const { state } = await temporal.schedule.getHandle(`schedule/${id}`).describe();
        expect(state).toMatchObject({ paused: true, remainingActions: 0 });
      } else if (asked.length > 0) {
        const { status, reason } = now.body;
        expect(asked.map(({ own }) => own)).toContainEqual({ status, reason });
      }
      expect(resultOf(await send(begin, clients[1]!))).toBe(resultOf(first));
    },
  },
  webhooks: {
    begin: async () =>
      command('begin', '/v1/webhooks', {
        url: 'https://example.com/hook',
        types: ['ledger.HoldExpired.v1'],
      }),
    other: { types: ['*'] },
    commands: {
      rotate: { path: '/rotate-secret' },
      enable: { method: 'patch', body: () => ({ status: 'active' }) },
      disable: { method: 'patch', body: () => ({ status: 'disabled' }) },
      'one type': { method: 'patch', body: () => ({ types: ['ledger.HoldVoided.v1'] }) },
      'another type': { method: 'patch', body: () => ({ types: ['ledger.HoldExtended.v1'] }) },
      delete: { method: 'delete' },
    },
    async check({ path, id, first }, told) {
      const kept = (await stores.bucket.get(id))!;
      for (const { command: asked, replies } of told) {
        for (const { status, body } of replies) {
          if (asked.method === 'patch' && status === 200) expect(body).toMatchObject(asked.body);
        }
      }
      if (done(named(told, 'delete')).length > 0) {
        expect([kept.status, kept.secret, (await get(path)).status]).toEqual(['deleted', '', 404]);
        await expect.poll(() => filtersOf(id)).toBeUndefined();
        return;
      }
      // A change has no key: of two that are the same, the second may find that others came between.
      for (const each of named(told, 'rotate')) expectOneResult(each);
      expect(done(told)).toEqual(told);
      const rotated = named(told, 'rotate').map(({ replies: [{ body }] }) => body.secret as string);
      const known = [kept.secret, ...(kept.secrets_before ?? []).map(({ secret }) => secret)];
      expect(new Set(known)).toEqual(new Set([first.body.secret, ...rotated]));
      expect(known).toHaveLength(1 + rotated.length);
      // The dispatcher may still bring it to what it was a moment ago, and then sees to it again.
      await expect.poll(() => filtersOf(id)).toEqual(filtersFor('main', kept.types));
      for (const field of ['status', 'types'] as const) {
        const wanted = told.flatMap(({ command: { body } }) =>
          field in body ? [(body as typeof kept)[field]] : [],
        );
        if (wanted.length > 0) expect(wanted).toContainEqual(kept[field]);
      }
    },
  },
};

/** What the consumer of a webhook delivers; undefined if there is none. */
async function filtersOf(id: string): Promise<string[] | undefined> {
  const { consumers } = await jetstreamManager(nats);
  try {
    const { config } = await consumers.info(streamName('main'), stores.consumers.nameOf(id));
    return config.filter_subjects ?? [config.filter_subject ?? ''];
  } catch (error) {
    if (error instanceof Error && error.message.includes('not found')) return undefined;
    throw error;
  }
}

const APIS = [1, 2];

/** Both commands and the beginning, each of them twice, at once. */
async function race(kind: Kind, pair: readonly string[], apis: number): Promise<void> {
  const resource = await begun(await kind.begin());
  const { path, begin, first } = resource;
  const own = pair.map((name) => {
    const { path: below = '', method = 'post', body } = kind.commands[name]!;
    return { ...command(name, `${path}${below}`, body?.()), method };
  });
  const told = await sendAtOnce([...own, begin], clients.slice(0, apis));
  const beginning = told.pop()!;
  for (const reply of beginning.replies) {
    // With its secret a deleted webhook has forgotten what it was.
    if (reply.status !== 404 || !pair.includes('delete')) expect(resultOf(reply)).toBe(resultOf(first));
  }
  await kind.check(resource, told);
}

describe.each(Object.entries(KINDS))('%s', (_, kind) => {
  test.each(APIS)('are told to each who asks as that one has left them: %i APIs', async (apis) => {
    const pairs = pairsOf(Object.keys(kind.commands));
    expect(pairs).not.toEqual([]);
    for (const pair of pairs) {
      for (let round = 0; round < runs(1); round += 1)
        await Promise.all([race(kind, pair, apis), race(kind, pair, apis)]);
    }
  });

  test.each(APIS)('begun in two ways with one key, it is one of them: %i APIs', async (apis) => {
    for (let round = 0; round < runs(5); round += 1) {
      const one = await kind.begin();
      const other = { ...one, body: { ...one.body, ...kind.other } };
      const { command: carried, replies } = expectOneCarriedOut(
        await sendAtOnce([one, other], clients.slice(0, apis)),
      );
      const { status: __, ...now } = (await get(`${one.path}/${replies[0].body.id}`)).body;
      expect(now).toMatchObject(carried.body);
    }
  });
});

async function bulk(): Promise<Command> {
  const source = await purse('1000000');
  const line = (amount: number) => ({ source, destination: 'world_EUR', amount: `${amount}`, ...EUR });
  const transfers = Array.from({ length: LINES }, (_, index) => line(1 + (index % 7)));
  return command('begin', '/v1/bulk-transfers', { transfers });
}

describe('bulks', () => {
  test.each(APIS.flatMap((apis) => [false, true].map((lost) => ({ apis, lost }))))(
    'are taken on once and carried out whole, asked for again: %o',
    async ({ apis, lost }) => {
      for (let round = 0; round < runs(5); round += 1) {
        const { path, id, begin: asked, first } = await begun(await bulk());
        if (lost) {
          const handle = temporal.workflow.getHandle(`bulk/${id}`);
          await handle.terminate('lost').catch((error: unknown) => {
            if (!(error instanceof WorkflowNotFoundError)) throw error;
          });
        }
        const { transfers } = asked.body as { transfers: object[] };
        const other = { ...asked, name: 'other', body: { transfers: transfers.slice(1) } };
        const [again, refused] = await sendAtOnce([asked, other], clients.slice(0, apis));
        for (const reply of again!.replies) expect(resultOf(reply)).toBe(resultOf(first));
        for (const reply of refused!.replies) expect(resultOf(reply)).toBe('422 idempotency_key_reused');
        await expectWholeBulk(path, asked);
      }
    },
  );

  test.each(APIS)('of two with one key it is one, whoever asks: %i APIs', async (apis) => {
    for (let round = 0; round < runs(5); round += 1) {
      const one = await bulk();
      const { transfers } = one.body as { transfers: object[] };
      const other = { ...one, body: { transfers: transfers.slice(1) } };
      const { command: carried, replies } = expectOneCarriedOut(
        await sendAtOnce([one, other], clients.slice(0, apis)),
      );
      expect(replies[0].status).toBe(202);
      await expectWholeBulk(`${one.path}/${replies[0].body.id}`, carried);
    }
  });
});

test.each(APIS)(
  'a schedule that leaves no time to fire is refused, however often at once: %i APIs',
  async (apis) => {
    const transfer = { source: await purse('100'), destination: 'world_EUR', amount: '10', ...EUR };
    for (let round = 0; round < runs(10); round += 1) {
      const never = command('never', '/v1/schedules', { transfer, cron: '0 0 30 2 *' });
      for (const each of await sendAtOnce([never, never], clients.slice(0, apis))) {
        expect(each.replies.map(resultOf)).toEqual(Array.from({ length: 2 }, () => '400 invalid_request'));
      }
      // And leaves its key free.
      const daily = { ...never, body: { transfer, cron: '0 0 * * *' } };
      expect((await send(daily, clients[0]!)).status).toBe(201);
    }
  },
);
