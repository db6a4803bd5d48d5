/** Requests and answers over HTTP. The same schemas validate, type the handlers and make `/openapi.json`. */
import { z } from 'zod';
import * as values from './values.ts';

export const createAccountBody = z
  .strictObject({
    id: values.id
      .refine((id) => !id.startsWith('world_'), 'world_ is reserved for world accounts')
      .optional(),
    owner: values.owner,
    currency: values.currency,
    overdraft_limit: values.limit.default('0'),
    metadata: values.metadata.default({}),
  })
  .meta({
    id: 'CreateAccount',
    example: { id: 'alice', owner: 'Alice', currency: 'EUR', overdraft_limit: '0' },
  });

export const reasonBody = z
  .strictObject({ reason: values.reason.optional() })
  .meta({ id: 'Reason', example: { reason: 'lost card' } });

export const movementBody = z
  .strictObject({
    account: values.id,
    amount: values.amount,
    currency: values.currency,
    reference: values.reference.optional(),
    metadata: values.metadata.default({}),
  })
  .meta({
    id: 'CreateDepositOrWithdrawal',
    example: { account: 'alice', amount: '1050', currency: 'EUR', reference: 'invoice-42' },
  });

export const transferBody = z
  .strictObject({
    source: values.id,
    destination: values.id,
    amount: values.amount,
    currency: values.currency,
    reference: values.reference.optional(),
    metadata: values.metadata.default({}),
  })
  .meta({
    id: 'CreateTransfer',
    example: {
      source: 'alice',
      destination: 'bob',
      amount: '1050',
      currency: 'EUR',
      reference: 'invoice-42',
    },
  });

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

export const transferResource = z
  .object({
    id: values.id,
    kind: z.enum(['deposit', 'withdrawal', 'transfer']),
    status: transferStatus,
    source: values.id,
    destination: values.id,
    amount: values.amount,
    currency: values.currency,
    reference: values.reference.nullable(),
    metadata: values.metadata,
    reason: z.string().optional().meta({ description: 'The code of the rejection.' }),
    created_at: values.time,
    completed_at: values.time.optional(),
    position: values.position.optional(),
    workflow_id: z.string(),
  })
  .meta({ id: 'Transfer' });

export const entryResource = z
  .object({
    position: values.position,
    transfer: values.id,
    direction: z.enum(['debit', 'credit']),
    amount: values.amount,
    currency: values.currency,
    counterparty: values.id,
    kind: z.enum(['deposit', 'withdrawal', 'transfer']),
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
      .meta({ description: 'Everything up to this log position is in these balances.', example: 42 }),
  })
  .meta({ id: 'Balances' });

export const acceptedAccountCommand = z
  .object({ id: values.id, workflow_id: z.string() })
  .meta({ id: 'AcceptedAccountCommand', description: 'The command is durable and will be carried out.' });

const dependency = z.object({ ok: z.boolean(), detail: z.string().optional() });
const reached = z.number().int().nonnegative().nullable();

export const readiness = z
  .object({
    ready: z.boolean(),
    dependencies: z.object({ temporal: dependency, nats: dependency, read_model: dependency }),
    projector: z
      .object({ position: reached, last_position: reached, lag_events: reached })
      .meta({ description: 'How far the read model is behind the log; null where that is not known.' }),
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
      .meta({ description: 'What is wrong where; on `invalid_request`.' }),
    transfer: z
      .string()
      .optional()
      .meta({ description: 'The id of the rejected transfer, where the rejection is on record.' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details with a stable code.' });

export const pageQuery = {
  limit: z.coerce
    .number('must be a number')
    .int()
    .min(1)
    .max(500)
    .default(50)
    .meta({ description: 'Items on the page.' }),
  cursor: z.string().max(500).optional().meta({ description: 'next_cursor of the page before.' }),
};

export const minPosition = z.coerce
  .number('must be a number')
  .int()
  .positive()
  .max(Number.MAX_SAFE_INTEGER)
  .optional()
  .meta({ description: 'Wait (at most 5 s) until the read model has reached this Ledger-Position.' });

export type AccountResource = z.infer<typeof accountResource>;
export type TransferResource = z.infer<typeof transferResource>;
export type EntryResource = z.infer<typeof entryResource>;
export type EventResource = z.infer<typeof eventResource>;
export type Balances = z.infer<typeof balancesResource>;
export type Readiness = z.infer<typeof readiness>;
export type Problem = z.infer<typeof problem>;
