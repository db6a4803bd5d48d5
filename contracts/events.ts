/**
 * Every event that the ledger stores: its name, the last token of its subject, and the schema of its data.
 * A released event only gains optional fields; a breaking change is a new version with an upcaster.
 */
import { z } from 'zod';
import { REJECTIONS } from '../domain/rejections.ts';
import { entry, holdResource, transferResource } from './http.ts';
import type { Aggregate } from './subjects.ts';
import { newestVersion } from './upcasters.ts';
import { amount, balances, currency, id, limit, metadata, owner, reason, reference, time } from './values.ts';

/** An id, and what it is one of. */
function idOf(description: string, example: string) {
  return id.meta({ description, example });
}

const EXAMPLE = '3e9bedd215c0e9891b04c34461900c4f';
const transferId = (description: string) => idOf(description, `tr_${EXAMPLE}`);
const holdId = (description: string) => idOf(description, `hold_${EXAMPLE}`);

/** Every account event carries the state after it, so that the last one is all that must be read to decide. */
export const stateAfter = {
  status: z
    .enum(['open', 'frozen', 'closed'])
    .meta({ description: 'The status of the account after the event.' }),
  currency,
  balances: balances.meta({ description: 'The balances of the account after the event.' }),
  overdraft_limit: limit,
};

const movement = z.object({
  transfer: transferId('The transfer that moved the money.'),
  amount,
  ...stateAfter,
});
/** What the money is held for: a hold, or a transfer that waits. */
const reservation = z.object({
  hold: holdId('The hold that the money is held for.').optional(),
  transfer: transferId('The transfer that the money is held for.').optional(),
  amount,
  ...stateAfter,
});
const statusChange = z.object({ reason: reason.optional(), ...stateAfter });

const requestFields = {
  reference: reference.optional(),
  metadata,
  requested_at: time.meta({ description: 'When the command was received. RFC 3339, UTC.' }),
  reverses: transferId('The transfer that this one reverses, in full or in part.').optional(),
  schedule: idOf('The schedule that made the transfer.', `sch_${EXAMPLE}`).optional(),
  bulk: idOf('The bulk transfer that the transfer belongs to.', `bulk_${EXAMPLE}`).optional(),
};

/** A transfer between two accounts. Every event of a transfer says again what was asked for: the last one is all. */
const movementTerms = z.object({
  kind: z.enum(['deposit', 'withdrawal', 'transfer', 'capture', 'reversal']),
  from: idOf('The account that is debited.', 'alice'),
  to: idOf('The account that is credited.', 'bob'),
  amount,
  currency,
  ...requestFields,
  hold: holdId('The hold that the transfer captures.').optional(),
  approval_expires_at: time.meta({ description: 'When the approval expires.' }).optional(),
  scheduled_for: time.meta({ description: 'When the money is to move.' }).optional(),
  rail: idOf('The payment rail that pays the money out.', 'sandbox').optional(),
});

/** A transfer with entries of its own. */
const transactionTerms = z.object({
  kind: z.enum(['transaction', 'reversal']),
  entries: z.array(entry),
  ...requestFields,
});

function anyTransfer<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.union([movementTerms.extend(shape), transactionTerms.extend(shape)]);
}

/** Of a transaction it is what all its entries move: that may be more than one amount can say. */
const total = z
  .string()
  .regex(/^[1-9][0-9]*$/)
  .meta({ description: 'Minor units as a decimal string.', example: '1050' });
const waiting = z
  .enum(['awaiting_approval', 'scheduled', 'pending'])
  .meta({ description: 'What the transfer waits for; `pending`: for its payment rail.' });
const code = z.enum(REJECTIONS);

const holdTerms = z.object({
  account: idOf('The account whose money is held.', 'alice'),
  amount,
  currency,
  destination: idOf('The account that a capture credits; the world account if absent.', 'bob').optional(),
  reference: reference.optional(),
  metadata,
  requested_at: requestFields.requested_at,
  expires_at: time.meta({ description: 'When the hold expires; never if absent.' }).optional(),
});

export const EVENT_DATA = {
  AccountCreated: z.object({ owner, metadata, ...stateAfter }),
  MoneyDeposited: movement,
  MoneyWithdrawn: movement,
  FundsHeld: reservation,
  FundsReleased: reservation,
  AccountUpdated: z.object(stateAfter),
  AccountFrozen: statusChange,
  AccountUnfrozen: statusChange,
  AccountClosed: statusChange,
  TransferRequested: movementTerms.extend({ status: waiting }),
  TransferApproved: movementTerms.extend({ status: waiting, reason: reason.optional() }),
  /** Nobody knows what became of it outside; an operator is to say. */
  TransferParked: movementTerms.extend({
    reason: z.string().meta({ description: 'Why the outcome is not known.' }),
  }),
  /** `reason`: what an operator wrote who said that it had gone out. */
  TransferCompleted: anyTransfer({ reason: reason.optional() }),
  TransferRejected: anyTransfer({
    reason: z.string().optional().meta({
      description: 'The code of the rejection; of a rejection by a person, the reason given, if any.',
    }),
    detail: z
      .string()
      .optional()
      .meta({ description: 'The rejection in a sentence. Absent if a person rejected the transfer.' }),
  }),
  TransferCancelled: movementTerms.extend({ reason: reason.optional() }),
  TransferExpired: movementTerms,
  TransferFailed: movementTerms.extend({ reason: code, detail: z.string() }),
  /** On the transfer that is undone: by which one, how much, and how much in all. */
  TransferReversed: anyTransfer({
    reversal: z
      .object({ id: transferId('The reversal.'), amount: total })
      .meta({ description: 'The reversal and its amount.' }),
    reversed: total.meta({ description: 'The total reversed so far, in minor units.' }),
    completed_at: time.meta({ description: 'When the reversed transfer was posted.' }),
    workflow_id: z.string().meta({ description: 'The Temporal workflow that posted the transfer.' }),
  }),
  HoldPlaced: holdTerms,
  HoldExtended: holdTerms,
  HoldCaptured: holdTerms.extend({
    transfer: transferId('The transfer that moves the money.'),
    captured: amount.meta({ description: 'The captured amount, in minor units.' }),
  }),
  HoldVoided: holdTerms.extend({ reason: reason.optional() }),
  HoldExpired: holdTerms,
  /**
   * Not published: the result of a command with a key, so that the same key gives the same result for ever. The position of a
   * transfer or a hold is given if the command did not change it; otherwise it is the one before this event's.
   */
  CommandRecorded: z.object({
    created: z.boolean(),
    account: z.object({ id, version: z.number().int().positive(), ...stateAfter }).optional(),
    transfer: transferResource.optional(),
    hold: holdResource.optional(),
    rejection: z.object({ code, detail: z.string() }).optional(),
  }),
} as const;

export type EventName = keyof typeof EVENT_DATA;
export type EventData<Name extends EventName = EventName> = z.infer<(typeof EVENT_DATA)[Name]>;

/** Which aggregate an event happens to, and the last token of its subject. */
export const EVENT_SUBJECTS = {
  AccountCreated: { aggregate: 'account', token: 'created' },
  MoneyDeposited: { aggregate: 'account', token: 'deposited' },
  MoneyWithdrawn: { aggregate: 'account', token: 'withdrawn' },
  FundsHeld: { aggregate: 'account', token: 'held' },
  FundsReleased: { aggregate: 'account', token: 'released' },
  AccountUpdated: { aggregate: 'account', token: 'updated' },
  AccountFrozen: { aggregate: 'account', token: 'frozen' },
  AccountUnfrozen: { aggregate: 'account', token: 'unfrozen' },
  AccountClosed: { aggregate: 'account', token: 'closed' },
  TransferRequested: { aggregate: 'transfer', token: 'requested' },
  TransferApproved: { aggregate: 'transfer', token: 'approved' },
  TransferParked: { aggregate: 'transfer', token: 'parked' },
  TransferCompleted: { aggregate: 'transfer', token: 'completed' },
  TransferRejected: { aggregate: 'transfer', token: 'rejected' },
  TransferCancelled: { aggregate: 'transfer', token: 'cancelled' },
  TransferExpired: { aggregate: 'transfer', token: 'expired' },
  TransferFailed: { aggregate: 'transfer', token: 'failed' },
  TransferReversed: { aggregate: 'transfer', token: 'reversed' },
  HoldPlaced: { aggregate: 'hold', token: 'placed' },
  HoldExtended: { aggregate: 'hold', token: 'extended' },
  HoldCaptured: { aggregate: 'hold', token: 'captured' },
  HoldVoided: { aggregate: 'hold', token: 'voided' },
  HoldExpired: { aggregate: 'hold', token: 'expired' },
  CommandRecorded: { aggregate: 'command', token: 'recorded' },
} as const satisfies Record<EventName, { aggregate: Aggregate; token: string }>;

/** The CloudEvents type of an event as it is written today: `ledger.<Name>.v<version>`. */
export function eventType(name: EventName): string {
  return `ledger.${name}.v${newestVersion(name)}`;
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

/** A stored event: a union over `name`, so that a `switch` knows the data, and an `aggregate` the names. */
export type RecordedEvent<Name extends EventName = EventName> = {
  [N in Name]: Envelope & {
    readonly name: N;
    readonly aggregate: (typeof EVENT_SUBJECTS)[N]['aggregate'];
    readonly data: EventData<N>;
  };
}[Name];

type NameOf<A extends Aggregate> = {
  [N in EventName]: (typeof EVENT_SUBJECTS)[N]['aggregate'] extends A ? N : never;
}[EventName];

/** An event of one kind of aggregate. */
export type RecordOf<A extends Aggregate> = RecordedEvent<NameOf<A>>;
export type AccountRecord = RecordOf<'account'>;
export type TransferRecord = RecordOf<'transfer'>;
export type HoldRecord = RecordOf<'hold'>;

/** True if the event is one of that kind of aggregate. */
export function isOf<A extends Aggregate>(event: RecordedEvent, aggregate: A): event is RecordOf<A> {
  return event.aggregate === aggregate;
}
