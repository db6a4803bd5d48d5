/** The resources and the parameters of queries over HTTP. The bodies of commands stand in `http-bodies.ts`. */
import { z } from 'zod';
import { projectionResource } from './projections.ts';
import * as values from './values.ts';

export const accountStatus = z.enum(['open', 'frozen', 'closed']);

export const accountResource = z
  .object({
    id: values.id,
    owner: values.owner,
    currency: values.currency,
    status: accountStatus,
    balances: values.balances,
    overdraft_limit: values.limit,
    version: z.number().int().nonnegative(),
    metadata: values.metadata,
    created_at: values.time,
  })
  .meta({ id: 'Account' });

export const transferStatus = z.enum([
  'scheduled',
  'awaiting_approval',
  'pending',
  'posted',
  'rejected',
  'cancelled',
  'expired',
  'failed',
]);

export const transferKind = z.enum([
  'deposit',
  'withdrawal',
  'transfer',
  'capture',
  'reversal',
  'transaction',
]);

export const entry = z
  .object({
    account: values.id,
    direction: z.enum(['debit', 'credit']),
    amount: values.amount,
    currency: values.currency,
  })
  .meta({ id: 'TransactionEntry' });

const ofTwo = 'Null for a transfer that has `entries`.';

export const transferResource = z
  .object({
    id: values.id,
    kind: transferKind,
    status: transferStatus,
    source: values.id.nullable().meta({ description: ofTwo }),
    destination: values.id.nullable().meta({ description: ofTwo }),
    amount: values.amount.nullable().meta({ description: ofTwo }),
    currency: values.currency.nullable().meta({ description: ofTwo }),
    entries: z
      .array(entry)
      .readonly()
      .optional()
      .meta({ description: 'The entries of a transaction or of its reversal.' }),
    reference: values.reference.nullable(),
    metadata: values.metadata,
    reason: z
      .string()
      .optional()
      .meta({ description: 'Why the transfer was not posted, or waits: a code, or the text of a person.' }),
    approval_expires_at: values.time.optional().meta({ description: 'When the approval expires.' }),
    scheduled_for: values.time.optional().meta({ description: 'When the money moves.' }),
    rail: z.string().optional().meta({ description: 'The payment rail that pays the money out.' }),
    hold: values.id.optional().meta({ description: 'The hold that this transfer captured.' }),
    reverses: values.id.optional().meta({ description: 'The transfer that this one reverses.' }),
    reversed: values.sum.optional().meta({ description: 'The amount reversed so far.' }),
    reversals: z
      .array(values.id)
      .readonly()
      .optional()
      .meta({ description: 'The reversals of this transfer. Not included in lists.' }),
    schedule: values.id.optional().meta({ description: 'The schedule that made this transfer.' }),
    bulk: values.id.optional().meta({ description: 'The bulk transfer that this transfer belongs to.' }),
    created_at: values.time,
    completed_at: values.time.optional(),
    position: values.position.optional(),
    workflow_id: z.string(),
  })
  .meta({ id: 'Transfer' });

export const holdStatus = z.enum(['active', 'captured', 'voided', 'expired']);

export const holdResource = z
  .object({
    id: values.id,
    account: values.id,
    amount: values.amount,
    captured: values.sum,
    currency: values.currency,
    status: holdStatus,
    destination: values.id
      .nullable()
      .meta({ description: 'The account that a capture credits; null for the world account.' }),
    reference: values.reference.nullable(),
    metadata: values.metadata,
    reason: z.string().optional().meta({ description: 'Why the hold was voided.' }),
    transfer: values.id.optional().meta({ description: 'The transfer that captured the hold.' }),
    expires_at: values.time.optional(),
    created_at: values.time,
    position: values.position.optional(),
    workflow_id: z.string(),
  })
  .meta({ id: 'Hold' });

export const entryResource = z
  .object({
    position: values.position,
    transfer: values.id,
    direction: z.enum(['debit', 'credit']),
    amount: values.amount,
    currency: values.currency,
    counterparty: values.id.nullable().meta({ description: 'The other account; null if there are several.' }),
    kind: transferKind,
    reference: values.reference.nullable(),
    balance: values.sum.meta({ description: 'The posted balance after this entry.' }),
    version: z.number().int().positive(),
    created_at: values.time,
  })
  .meta({ id: 'Entry' });

export const eventResource = z
  .object({
    position: values.position,
    specversion: z.literal('1.0'),
    id: z.string(),
    source: z.string(),
    type: z.string(),
    subject: z.string(),
    time: values.time,
    datacontenttype: z.literal('application/json'),
    version: z.number().int().positive(),
    prevhash: z.string(),
    hash: z.string(),
    workflowid: z.string(),
    actor: z.string(),
    idempotencykey: z.string().optional(),
    traceparent: z.string().optional(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Event', description: 'A CloudEvent with its position in the log.' });

/** A page of anything: `next_cursor` is null on the last one. */
export function page<Item extends z.ZodType>(item: Item) {
  return z.object({ data: z.array(item).readonly(), next_cursor: z.string().nullable() });
}

export const accountPage = page(accountResource).meta({ id: 'AccountPage' });
export const transferPage = page(transferResource).meta({ id: 'TransferPage' });
export const holdPage = page(holdResource).meta({ id: 'HoldPage' });
export const entryPage = page(entryResource).meta({ id: 'EntryPage' });
export const eventPage = page(eventResource).meta({ id: 'EventPage' });

export const balancesResource = z
  .object({
    account: values.id,
    currency: values.currency,
    posted: values.sum,
    held: values.sum,
    available: values.sum,
    position: z
      .number()
      .int()
      .nonnegative()
      .meta({ description: 'The balances include every event up to this log position.', example: 42 }),
  })
  .meta({ id: 'Balances' });

export const acceptedCommand = z
  .object({ id: values.id, workflow_id: z.string() })
  .meta({ id: 'AcceptedCommand', description: 'The command is stored durably and will be carried out.' });

const dependency = z.object({ ok: z.boolean(), detail: z.string().optional() });
const reached = z.number().int().nonnegative().nullable();

export const readiness = z
  .object({
    ready: z.boolean(),
    dependencies: z.object({ temporal: dependency, nats: dependency, read_model: dependency }),
    projector: z
      .object({
        position: reached,
        last_position: reached,
        lag_events: reached,
        lag_seconds: z.number().nonnegative().nullable(),
        projections: z.array(projectionResource),
      })
      .meta({ description: 'How far the read model is behind the log; null where unknown.' }),
  })
  .meta({ id: 'Readiness' });

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string(),
    detail: z.string().optional(),
    instance: z.string().optional(),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .meta({ description: 'The invalid fields, on `invalid_request`.' }),
    transfer: z
      .string()
      .optional()
      .meta({ description: 'The id of the rejected transfer, if the rejection is recorded.' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details with a stable `code`.' });

const digitsAsNumber = (value: unknown) =>
  typeof value === 'string' && /^[0-9]+$/.test(value) ? Number(value) : value;

/** A number in a query is written in digits: nothing at all is not 0, and 1e3 not 1000. */
function inDigits<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess(digitsAsNumber, schema);
}

const number = z.number('must be a number').int();

/** A position in the log, or 0 for its beginning, in a query. */
export const positionInQuery = inDigits(number.nonnegative().max(Number.MAX_SAFE_INTEGER));

export const pageQuery = {
  limit: inDigits(number.min(1).max(500))
    .default(50)
    .meta({ description: 'The maximum number of items on the page.' }),
  cursor: z.string().max(500).optional().meta({ description: '`next_cursor` of the previous page.' }),
};

export const minPosition = inDigits(number.positive().max(Number.MAX_SAFE_INTEGER)).optional().meta({
  description: 'Waits up to 5 s until the read model has reached this log position, as in `Ledger-Position`.',
});

export type AccountResource = z.infer<typeof accountResource>;
export type TransferResource = z.infer<typeof transferResource>;
export type HoldResource = z.infer<typeof holdResource>;
export type EntryResource = z.infer<typeof entryResource>;
export type EventResource = z.infer<typeof eventResource>;
export type Balances = z.infer<typeof balancesResource>;
export type Readiness = z.infer<typeof readiness>;
export type Problem = z.infer<typeof problem>;
