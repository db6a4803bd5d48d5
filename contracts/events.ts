/**
 * Every event that the ledger stores: its name, the last token of its subject, and the schema of its data.
 * A released event only gains optional fields; a breaking change is a new version with an upcaster.
 */
import { z } from 'zod';
import type { AccountEvent, ExistingAccount } from '../domain/account.ts';
import { available } from '../domain/account.ts';
import { REJECTIONS } from '../domain/rejections.ts';
import type { TransferEvent } from '../domain/transfer.ts';
import type { Aggregate } from './subjects.ts';
import { EVENT_VERSIONS } from './upcasters.ts';
import { amount, balances, currency, id, limit, metadata, owner, reason, reference, time } from './values.ts';

/** Every account event carries the state after it, so that the last one is all that must be read to decide. */
const stateAfter = {
  status: z.enum(['open', 'frozen', 'closed']),
  currency,
  balances,
  overdraft_limit: limit,
};

const movement = z.object({ transfer: id, amount, ...stateAfter });
const statusChange = z.object({ reason: reason.optional(), ...stateAfter });

const transferTerms = {
  kind: z.enum(['deposit', 'withdrawal', 'transfer']),
  from: id,
  to: id,
  amount,
  currency,
  reference: reference.optional(),
  metadata,
  requested_at: time,
};

export const EVENT_DATA = {
  AccountCreated: z.object({ owner, metadata, ...stateAfter }),
  MoneyDeposited: movement,
  MoneyWithdrawn: movement,
  AccountFrozen: statusChange,
  AccountUnfrozen: statusChange,
  AccountClosed: statusChange,
  TransferCompleted: z.object(transferTerms),
  TransferRejected: z.object({ ...transferTerms, reason: z.enum(REJECTIONS), detail: z.string() }),
  /** Not published: what a keyed account command was answered, so that its key answers the same for ever. */
  CommandAnswered: z.object({
    created: z.boolean(),
    account: z.object({ id, version: z.number().int().positive(), ...stateAfter }),
  }),
} as const;

export type EventName = keyof typeof EVENT_DATA;
export type EventData<Name extends EventName = EventName> = z.infer<(typeof EVENT_DATA)[Name]>;

/** Which aggregate an event happens to, and the last token of its subject. */
export const EVENT_SUBJECTS = {
  AccountCreated: { aggregate: 'account', token: 'created' },
  MoneyDeposited: { aggregate: 'account', token: 'deposited' },
  MoneyWithdrawn: { aggregate: 'account', token: 'withdrawn' },
  AccountFrozen: { aggregate: 'account', token: 'frozen' },
  AccountUnfrozen: { aggregate: 'account', token: 'unfrozen' },
  AccountClosed: { aggregate: 'account', token: 'closed' },
  TransferCompleted: { aggregate: 'transfer', token: 'completed' },
  TransferRejected: { aggregate: 'transfer', token: 'rejected' },
  CommandAnswered: { aggregate: 'command', token: 'answered' },
} as const satisfies Record<EventName, { aggregate: Aggregate; token: string }>;

/** The CloudEvents type of an event as it is written today: `ledger.<Name>.v<version>`. */
export function eventType(name: EventName): string {
  return `ledger.${name}.v${EVENT_VERSIONS[name] ?? 1}`;
}

/** The types of this ledger's events, by what they are spelled like. */
const TYPES = new Map<string, { name: EventName; version: number }>();

/** The name and the version in a CloudEvents type, or undefined if it is none of ours. */
export function parseEventType(type: string): { name: EventName; version: number } | undefined {
  const known = TYPES.get(type);
  if (known) return known;
  const [, name, version] = /^ledger\.(\w+)\.v([1-9]\d{0,5})$/.exec(type) ?? [];
  if (name === undefined || !Object.hasOwn(EVENT_DATA, name)) return undefined;
  const parsed = { name: name as EventName, version: Number(version) };
  TYPES.set(type, parsed);
  return parsed;
}

/** What the log adds to an event when it stores it. */
export type Envelope = {
  /** The stream's sequence: the position in the ledger's one total order. */
  readonly position: number;
  readonly subject: string;
  readonly aggregate: Aggregate;
  readonly aggregateId: string;
  /** CloudEvents id, unique in the ledger. */
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly time: string;
  /** The aggregate's version after this event: 1, 2, 3, … */
  readonly version: number;
  readonly previousHash: string;
  readonly hash: string;
  readonly workflowId: string;
  readonly actor: string;
  /** SHA-256 of the Idempotency-Key. */
  readonly idempotencyKey?: string | undefined;
  /** SHA-256 of the request that the key stands for. */
  readonly fingerprint?: string | undefined;
  readonly traceparent?: string | undefined;
  /** Given if it was appended in an atomic batch. */
  readonly batch?: { readonly id: string; readonly sequence: number; readonly last: boolean } | undefined;
};

/** A stored event: a union over `name`, so that a `switch` knows the data. */
export type RecordedEvent<Name extends EventName = EventName> = {
  [N in Name]: Envelope & { readonly name: N; readonly data: EventData<N> };
}[Name];

/** The state part of an account event's data. */
export function accountStateData(after: ExistingAccount): z.infer<z.ZodObject<typeof stateAfter>> {
  return {
    status: after.status,
    currency: after.currency,
    balances: {
      posted: after.posted.toString(),
      held: after.held.toString(),
      available: available(after).toString(),
    },
    overdraft_limit: after.overdraftLimit.toString(),
  };
}

/** The account as it was after an event that carries its state. */
export function accountAfter(
  accountId: string,
  data: z.infer<z.ZodObject<typeof stateAfter>>,
): ExistingAccount {
  return {
    id: accountId,
    status: data.status,
    currency: data.currency,
    posted: BigInt(data.balances.posted),
    held: BigInt(data.balances.held),
    overdraftLimit: BigInt(data.overdraft_limit),
  };
}

/** The data of an account event: what happened, and the state after it. */
export function accountEventData(event: AccountEvent, after: ExistingAccount): EventData {
  const state = accountStateData(after);
  switch (event.type) {
    case 'AccountCreated':
      return { owner: event.owner, metadata: event.metadata, ...state };
    case 'MoneyDeposited':
    case 'MoneyWithdrawn':
      return { transfer: event.transfer, amount: event.amount.toString(), ...state };
    case 'AccountFrozen':
    case 'AccountUnfrozen':
    case 'AccountClosed':
      return { ...(event.reason === undefined ? {} : { reason: event.reason }), ...state };
  }
}

/** The data of a transfer event. */
export function transferEventData(event: TransferEvent): EventData {
  const terms = {
    kind: event.kind,
    from: event.source,
    to: event.destination,
    amount: event.amount.toString(),
    currency: event.currency,
    ...(event.reference === undefined ? {} : { reference: event.reference }),
    metadata: event.metadata,
    requested_at: event.requestedAt,
  };
  switch (event.type) {
    case 'TransferCompleted':
      return terms;
    case 'TransferRejected':
      return { ...terms, reason: event.rejection.code, detail: event.rejection.detail };
  }
}
