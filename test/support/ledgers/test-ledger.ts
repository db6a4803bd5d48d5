/** A ledger of its own for a test, on the real nats-server that the run started. */
import { randomUUID } from 'node:crypto';
import type { NatsConnection } from '@nats-io/transport-node';
import { inject } from 'vitest';
import type { RecordedEvent } from '../../../contracts/events.ts';
import { createAppender, type AppenderOptions } from '../../../eventlog/append/appender.ts';
import type { Outcome } from '../../../eventlog/append/outcome.ts';
import { connectToNats } from '../../../eventlog/nats/connection.ts';
import { openLog } from '../../../eventlog/nats/stream.ts';
import type { EventReader } from '../../../eventlog/read/event-reader.ts';
import { createEventReader } from '../../../eventlog/read/reader.ts';
import type {
  AccountRequest,
  DecisionRequest,
  CommandMeta,
  CommandRequest,
  HoldRequest,
  MovementRequest,
  ResolveRequest,
  ReversalRequest,
  TransactionRequest,
  TransferStepRequest,
} from '../../../messages/commands.ts';
import { workflowIdOf } from '../../../messages/workflow-ids.ts';

/** What a request has besides what it asks for. Each call makes another request. */
function meta(): CommandMeta {
  return {
    command_id: randomUUID(),
    fingerprint: randomUUID(),
    requested_at: '2026-01-01T00:00:00.000Z',
    actor: 'test',
  };
}

/** The same with a key of its own. */
function keyed(): CommandMeta {
  return { ...meta(), idempotency_key: randomUUID() };
}

type CreateAccount = Extract<AccountRequest, { type: 'account.create' }>;

/** A request to create an account; `overrides` change what the test is about. */
export function createAccount(id: string, overrides: Partial<CreateAccount> = {}): CreateAccount {
  return {
    type: 'account.create',
    id,
    owner: id,
    currency: 'EUR',
    overdraft_limit: '0',
    ...meta(),
    ...overrides,
  };
}

/** What a request asks for, without what every request has. */
type Fields<Request> = Request extends unknown ? Omit<Request, keyof CommandMeta | 'id'> : never;

/** A request to freeze an account, to unfreeze, close or update it. It has no key. */
export function changeAccount(
  id: string,
  change: Fields<Exclude<AccountRequest, CreateAccount>>,
  overrides: Partial<CommandMeta> = {},
): AccountRequest {
  return { id, ...meta(), ...change, ...overrides };
}

/** A request to move money; the same id is the same request. */
export function moveMoney(
  id: string,
  terms: Pick<MovementRequest, 'source' | 'destination' | 'amount'>,
  overrides: Partial<MovementRequest> = {},
): MovementRequest {
  return { type: 'transfer', kind: 'transfer', id, currency: 'EUR', ...sameById(id), ...terms, ...overrides };
}

/** A line of a transaction in EUR: an amount above zero is credited, one below zero debited. */
export type Line = readonly [account: string, amount: number, currency?: string];

/** A request for a transaction; the same id is the same request. */
export function transact(
  id: string,
  lines: readonly Line[],
  overrides: Partial<TransactionRequest> = {},
): TransactionRequest {
  const entries = lines.map(([account, amount, currency = 'EUR']) => {
    const direction = amount > 0 ? ('credit' as const) : ('debit' as const);
    return { account, direction, amount: String(Math.abs(amount)), currency };
  });
  return { type: 'transaction', id, entries, ...sameById(id), ...overrides };
}

/** A request to undo a transfer, wholly if no amount is given; the same id is the same request. */
export function reverse(
  id: string,
  reverses: string,
  overrides: Partial<ReversalRequest> = {},
): ReversalRequest {
  return { type: 'reversal', id, reverses, ...sameById(id), ...overrides };
}

function sameById(id: string): CommandMeta {
  return {
    ...meta(),
    command_id: id,
    fingerprint: `fingerprint of ${id}`,
    idempotency_key: `key of ${id}`,
  };
}

/** What a person says to a transfer that waits. */
export function decision(
  id: string,
  what: 'approve' | 'reject' | 'cancel',
  overrides: Partial<DecisionRequest> = {},
): DecisionRequest {
  return { type: `transfer.${what}`, id, ...keyed(), ...overrides };
}

/** What an operator says of a transfer that is parked. */
export function resolve(
  id: string,
  outcome: ResolveRequest['outcome'],
  overrides: Partial<ResolveRequest> = {},
): ResolveRequest {
  return { type: 'transfer.resolve', id, outcome, ...keyed(), ...overrides };
}

/** What its workflow does to a transfer that waits. It has no key. */
export function step(id: string, what: Fields<TransferStepRequest>): TransferStepRequest {
  return { id, ...meta(), ...what };
}

type PlaceHold = Extract<HoldRequest, { type: 'hold.place' }>;

/** A request to set money of an account aside, in EUR. */
export function placeHold(
  id: string,
  terms: Pick<PlaceHold, 'account' | 'amount'>,
  overrides: Partial<PlaceHold> = {},
): PlaceHold {
  return { type: 'hold.place', id, currency: 'EUR', ...keyed(), ...terms, ...overrides };
}

/** A request to capture a hold, to void, extend or expire it. That which its timer makes has no key. */
export function changeHold(
  id: string,
  change: Fields<Exclude<HoldRequest, PlaceHold>>,
  overrides: Partial<CommandMeta> = {},
): HoldRequest {
  return { id, ...(change.type === 'hold.expire' ? meta() : keyed()), ...change, ...overrides };
}

/** One process's hands on the ledger. */
export type Hand = {
  readonly nc: NatsConnection;
  readonly reader: EventReader;
  readonly submit: (request: CommandRequest) => Promise<Outcome>;
};

export type TestLedger = Hand & {
  readonly ledger: string;
  /** Another appender on the same ledger, with a connection of its own. */
  readonly join: (options?: Partial<AppenderOptions> & { url?: string }) => Promise<Hand>;
  /** Every event of the log, in order. */
  readonly allEvents: () => Promise<RecordedEvent[]>;
  readonly close: () => Promise<void>;
};

/** Creates a ledger with a random name; on the NATS server of the run, if no other is named. */
export async function openTestLedger(at?: string): Promise<TestLedger> {
  const ledger = `t-${randomUUID().slice(0, 8)}`;
  const hands: Hand[] = [];
  const join: TestLedger['join'] = async ({ url, ...options } = {}) => {
    const nc = await connectToNats(url ?? at ?? inject('servers').natsUrl, 'test');
    await openLog(nc, { ledger, replicas: 1 });
    const reader = createEventReader(nc, ledger);
    const appender = createAppender(nc, reader, { ledger, clock: () => new Date(), ...options });
    const submit: Hand['submit'] = (request) =>
      appender.submit({ request, workflowId: workflowIdOf(request) });
    const hand = { nc, reader, submit };
    hands.push(hand);
    return hand;
  };
  const first = await join();
  return {
    ...first,
    ledger,
    join,
    async allEvents() {
      const last = await first.reader.lastPosition();
      if (last === 0) return [];
      const events: RecordedEvent[] = [];
      const stop = new AbortController();
      for await (const some of first.reader.follow(0, stop.signal)) {
        events.push(...some);
        if ((events.at(-1)?.position ?? 0) >= last) break;
      }
      return events;
    },
    async close() {
      await Promise.all(hands.map(({ nc }) => nc.close()));
    },
  };
}
