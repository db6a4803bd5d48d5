/** Everything that the API needs, in memory: implementations of our own interfaces, and resources to put in them. */
import { createApp, type ApiDependencies } from '../../api/app.ts';
import type { CommandOutcome, Commands } from '../../api/commands.ts';
import { createLive, type Live, type LiveSettings } from '../../api/live/live.ts';
import { makesTransfer, type Answer, type CommandRequest } from '../../contracts/commands.ts';
import type {
  AccountResource,
  EntryResource,
  HoldResource,
  Readiness,
  TransferResource,
} from '../../contracts/http.ts';
import type { AccountRecord, RecordedEvent } from '../../contracts/events.ts';
import type { DailyTotals } from '../../contracts/projections.ts';
import type { EventReader } from '../../eventlog/event-reader.ts';
import { followInMemory } from '../support/events.ts';
import { memoryBulks, untouchableBulks } from './memory-bulks.ts';
import { memorySchedules, untouchableSchedules } from './memory-schedules.ts';
import { memoryWebhooks, untouchableWebhooks } from './memory-webhooks.ts';
import { InvalidCursor, type Page, type PageRequest, type ReadStore } from '../../projector/read-store.ts';

export const NOW = new Date('2026-11-23T08:00:00.000Z');

export const RAILS = { names: ['simulator'], secret: 'the secret of the rails' };

/** Dependencies that must not be reached: any call is written down, and fails. */
export function untouchable(): { deps: ApiDependencies; touched: string[] } {
  const touched: string[] = [];
  const guard = (name: string) => (): never => {
    touched.push(name);
    throw new Error(`${name} was reached`);
  };
  const store: ReadStore = {
    position: guard('position'),
    account: guard('account'),
    accounts: guard('accounts'),
    transfer: guard('transfer'),
    transfers: guard('transfers'),
    hold: guard('hold'),
    holds: guard('holds'),
    statement: guard('statement'),
    totals: guard('totals'),
    projections: guard('projections'),
  };
  const events: ApiDependencies['events'] = { read: guard('read'), lastOf: guard('lastOf') };
  const live: ApiDependencies['live'] = { open: guard('live') };
  const deps = {
    ledger: 'main',
    natsServer: '127.0.0.1:4222',
    commands: { carryOut: guard('carryOut'), find: guard('find') },
    bulks: untouchableBulks(guard),
    schedules: untouchableSchedules(guard),
    webhooks: untouchableWebhooks(guard),
    rails: RAILS,
    readStore: store,
    events,
    live,
    waitForPosition: guard('waitForPosition'),
    readiness: guard('readiness'),
    projections: guard('projections'),
    metrics: { requested: () => {}, show: guard('show') },
    clock: () => NOW,
    newId: () => 'id',
  };
  return { deps, touched };
}

/** An app over what the test gives; all else is empty. What it was told to carry out is in `carried`. */
export function testApp(given: Partial<ApiDependencies> & { outcome?: CommandOutcome } = {}) {
  const carried: { request: CommandRequest; wait: boolean }[] = [];
  const commands: Commands = {
    carryOut: (request, { wait }) => {
      carried.push({ request, wait });
      return Promise.resolve(
        given.outcome ?? { type: 'answered', replayed: false, answer: answerTo(request) },
      );
    },
    find: () => Promise.resolve(undefined),
  };
  let ids = 0;
  const deps: ApiDependencies = {
    ledger: 'main',
    natsServer: '127.0.0.1:4222',
    commands,
    bulks: memoryBulks(),
    schedules: memorySchedules(),
    webhooks: memoryWebhooks(),
    rails: RAILS,
    readStore: readStore({}),
    events: eventReader([]),
    live: memoryLive([]),
    waitForPosition: () => Promise.resolve(true),
    readiness: () => Promise.resolve(READY),
    projections: () => Promise.resolve([]),
    metrics: {
      requested: () => {},
      show: () => Promise.resolve({ contentType: 'text/plain', text: '' }),
    },
    clock: () => NOW,
    newId: () => `0000-${(ids += 1)}`,
    ...given,
  };
  return { app: createApp(deps), carried };
}

/** The answer of a ledger where everything succeeds. */
function answerTo(request: CommandRequest): Answer {
  const { type, id } = request;
  const created = makesTransfer(request) || type === 'account.create' || type === 'hold.place';
  const answer = { position: 7, replayed: false, created };
  if (type.startsWith('account.')) return { ...answer, account: account({ id }) };
  if (type.startsWith('hold.')) return { ...answer, hold: hold({ id }) };
  if (request.type !== 'transfer') return { ...answer, transfer: transfer({ id }) };
  const { kind, source, destination, amount, currency } = request;
  return { ...answer, transfer: transfer({ id, kind, source, destination, amount, currency }) };
}

export const READY: Readiness = {
  ready: true,
  dependencies: { temporal: { ok: true }, nats: { ok: true }, read_model: { ok: true } },
  projector: { position: 7, last_position: 9, lag_events: 2, lag_seconds: 0.5, projections: [] },
};

export function account(given: Partial<AccountResource> = {}): AccountResource {
  return {
    id: 'alice',
    owner: 'Alice',
    currency: 'EUR',
    status: 'open',
    balances: { posted: '1050', held: '50', available: '1000' },
    overdraft_limit: '0',
    version: 3,
    metadata: {},
    created_at: NOW.toISOString(),
    ...given,
  };
}

export function transfer(given: Partial<TransferResource> = {}): TransferResource {
  return {
    id: 'tr_1',
    kind: 'transfer',
    status: 'posted',
    source: 'alice',
    destination: 'bob',
    amount: '1050',
    currency: 'EUR',
    reference: null,
    metadata: {},
    created_at: NOW.toISOString(),
    completed_at: NOW.toISOString(),
    position: 7,
    workflow_id: 'transfer/tr_1',
    ...given,
  };
}

export function hold(given: Partial<HoldResource> = {}): HoldResource {
  return {
    id: 'hold_1',
    account: 'alice',
    amount: '1050',
    captured: '0',
    currency: 'EUR',
    status: 'active',
    destination: null,
    reference: null,
    metadata: {},
    created_at: NOW.toISOString(),
    position: 7,
    workflow_id: 'hold/hold_1',
    ...given,
  };
}

export function entry(given: Partial<EntryResource> = {}): EntryResource {
  return {
    position: 7,
    transfer: 'tr_1',
    direction: 'debit',
    amount: '1050',
    currency: 'EUR',
    counterparty: 'bob',
    kind: 'transfer',
    reference: null,
    balance: '-50',
    version: 2,
    created_at: NOW.toISOString(),
    ...given,
  };
}

export function deposited(position: number, accountId = 'alice'): RecordedEvent<'MoneyDeposited'> {
  const balances = { posted: '1050', held: '0', available: '1050' };
  return {
    name: 'MoneyDeposited',
    position,
    subject: `ledger.main.account.${accountId}.deposited`,
    aggregate: 'account',
    aggregateId: accountId,
    id: `event-${position}`,
    source: 'tallybook/main',
    type: 'ledger.MoneyDeposited.v1',
    time: NOW.toISOString(),
    version: position,
    previousHash: '',
    hash: 'aa',
    workflowId: 'transfer/tr_1',
    actor: 'anonymous',
    data: {
      transfer: 'tr_1',
      amount: '1050',
      status: 'open',
      currency: 'EUR',
      balances,
      overdraft_limit: '0',
    },
  };
}

type Stored = {
  position?: number;
  accounts?: AccountResource[];
  transfers?: TransferResource[];
  holds?: HoldResource[];
  entries?: EntryResource[];
  totals?: DailyTotals[];
};

/** A read model of arrays; a cursor is the index to go on from. */
export function readStore(stored: Stored): ReadStore {
  const { position = 7, accounts = [], transfers = [], holds = [], entries = [], totals = [] } = stored;
  return {
    position: () => Promise.resolve(position),
    projections: () => Promise.resolve([]),
    account: (id) => Promise.resolve(accounts.find((one) => one.id === id)),
    accounts: (filter, page) => Promise.resolve(slice(accounts.filter(matches(filter)), page)),
    transfer: (id) => Promise.resolve(transfers.find((one) => one.id === id)),
    transfers: ({ account: side, ...filter }, page) => {
      const ofAccount = transfers.filter(
        (one) => side === undefined || one.source === side || one.destination === side,
      );
      return Promise.resolve(slice(ofAccount.filter(matches(filter)), page));
    },
    hold: (id) => Promise.resolve(holds.find((one) => one.id === id)),
    holds: (filter, page) => Promise.resolve(slice(holds.filter(matches(filter)), page)),
    statement: (id, { from = '', to = '~' }, page) => {
      const known = accounts.some((one) => one.id === id);
      const inRange = entries.filter((one) => known && one.created_at >= from && one.created_at < to);
      return Promise.resolve(slice(inRange, page));
    },
    totals: (id, { from = '', to = '~' }, page) => {
      const known = accounts.some((one) => one.id === id);
      return Promise.resolve(
        slice(
          totals.filter(({ day }) => known && day >= from && day < to),
          page,
        ),
      );
    },
  };
}

/** A log of an array. */
export function eventReader(events: readonly RecordedEvent[]): Pick<EventReader, 'read' | 'lastOf'> {
  return {
    read: (after, limit, { account: id, type } = {}) => {
      const found = events.filter(
        (event) => event.position > after && matches({ aggregateId: id, type })(event),
      );
      return Promise.resolve(found.slice(0, limit));
    },
    lastOf: (id, at) => {
      const found = events.filter(
        ({ aggregate, aggregateId, position, time }) =>
          aggregate === 'account' &&
          aggregateId === id &&
          (at === undefined || ('position' in at ? position <= at.position : time <= at.time)),
      );
      return Promise.resolve(found.at(-1) as AccountRecord | undefined);
    },
  };
}

/** The live stream of a log of an array. Nothing comes after what is there. */
export function memoryLive(events: readonly RecordedEvent[], settings: Partial<LiveSettings> = {}): Live {
  const log = {
    ...eventReader(events),
    ...followInMemory([events]),
    nextPosition: () => Promise.resolve(undefined),
    lastPosition: () => Promise.resolve(events.at(-1)?.position ?? 0),
  };
  return createLive(log, { settings, observer: { began: () => {}, dropped: () => {} }, tell: () => {} });
}

function matches(filter: Record<string, unknown>): (item: object) => boolean {
  const wanted = Object.entries(filter).filter(([, value]) => value !== undefined);
  return (item) =>
    wanted.every(([name, value]) => {
      const found: unknown = Reflect.get(item, name);
      return typeof value === 'object' && value !== null
        ? matches({ ...value })(Object(found))
        : found === value;
    });
}

function slice<Item>(items: Item[], { limit, cursor = '0' }: PageRequest): Page<Item> {
  if (!/^\d+$/.test(cursor)) throw new InvalidCursor(cursor);
  const end = Number(cursor) + limit;
  return { data: items.slice(Number(cursor), end), next_cursor: end < items.length ? String(end) : null };
}

/** A request with a JSON body; a string is sent as it is. */
export function post(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  };
}
