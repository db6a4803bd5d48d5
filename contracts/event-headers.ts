/**
 * The headers of an event on NATS, as `eventlog/wire/codec.ts` and `eventlog/append/batch.ts` write them and the server adds to
 * them: CloudEvents 1.0 in NATS binary mode. On the wire all values are text.
 */
import { z } from 'zod';
import { eventType } from './events.ts';
import { time } from './values.ts';

const count = z.string().regex(/^(0|[1-9][0-9]*)$/);
const ordinal = z.string().regex(/^[1-9][0-9]*$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** The attributes of the event, and the ledger's own extensions. All but those that are optional are always there. */
const attributes = {
  'ce-specversion': z.literal('1.0').meta({ description: 'The version of CloudEvents.' }),
  'ce-id': z
    .string()
    .min(1)
    .meta({ description: 'The id of the event: unique in the ledger, and with `ce-source` in all ledgers.' }),
  'ce-source': z
    .string()
    .regex(/^\/ledgers\/[A-Za-z0-9_-]+$/)
    .meta({ description: 'The ledger.', example: '/ledgers/main' }),
  'ce-type': z
    .string()
    .regex(/^ledger\.[A-Za-z]+\.v[1-9][0-9]*$/)
    .meta({ description: 'The name of the event and its version.', example: eventType('MoneyDeposited') }),
  'ce-subject': z
    .string()
    .min(1)
    .meta({ description: 'The id of the account, transfer or hold.', example: 'alice' }),
  'ce-time': time.meta({ description: 'When the event was decided. RFC 3339, UTC.' }),
  datacontenttype: z.literal('application/json').meta({ description: 'The data is JSON.' }),
  'ce-workflowid': z
    .string()
    .min(1)
    .meta({ description: 'The Temporal workflow that carried the command out.' }),
  'ce-actor': z
    .string()
    .min(1)
    .meta({ description: 'The actor that sent the command.', example: 'anonymous' }),
  'ce-idempotencykey': sha256
    .optional()
    .meta({ description: 'SHA-256 of the Idempotency-Key, if the command had one.' }),
  'ce-fingerprint': z.string().min(1).optional().meta({
    description: 'SHA-256 of the request; a word if the command came from a workflow.',
  }),
  traceparent: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'The W3C Trace Context of the request, if any.' }),
  'ce-version': ordinal.meta({
    description: 'The version of the aggregate: counts its events from 1, without a gap.',
  }),
  'ce-prevhash': sha256.meta({
    description: 'The `ce-hash` of the previous event of the same aggregate; zeros for the first.',
  }),
  'ce-after': count
    .optional()
    .meta({ description: 'The last position of the log before this event was appended.' }),
  'ce-hash': sha256.meta({ description: 'SHA-256 of this event and, by `ce-prevhash`, of all before it.' }),
};

/** What the event was appended with; the server keeps it. */
const append = {
  'Nats-Batch-Id': z.string().optional().meta({ description: 'The atomic batch that the event belongs to.' }),
  'Nats-Batch-Sequence': ordinal.optional().meta({ description: 'The place of the event in the batch.' }),
  'Nats-Batch-Commit': z.literal('1').optional().meta({
    description: 'Marks the last message of a batch. That may be a receipt, which is not published.',
  }),
  'Nats-Expected-Last-Sequence': count
    .optional()
    .meta({ description: 'A guard of the append: the expected last sequence.' }),
  'Nats-Expected-Last-Subject-Sequence': count
    .optional()
    .meta({ description: 'A guard of the append: the expected last sequence of a subject.' }),
  'Nats-Expected-Last-Subject-Sequence-Subject': z
    .string()
    .optional()
    .meta({ description: 'The subject of that guard.' }),
};

/** What the server adds where a message is not read from the stream, but comes as it is stored. */
const republished = {
  'Nats-Stream': z.string().meta({ description: 'The stream of the ledger.' }),
  'Nats-Subject': z.string().meta({ description: 'The subject of the event in the stream: the same one.' }),
  'Nats-Sequence': ordinal.meta({ description: 'The position in the log.', example: '42' }),
  'Nats-Time-Stamp': time.meta({ description: 'When the server stored the event. RFC 3339, UTC.' }),
  'Nats-Last-Sequence': count.meta({
    description: 'The position of the previous event on the same subject, or 0.',
  }),
};

/** An event, however it is received. */
export const eventHeaders = z.object({ ...attributes, ...append, ...z.object(republished).partial().shape });

/** What an event on a plain subscription has besides. From a consumer the position comes beside the headers. */
export const REPUBLISHED_HEADERS = Object.keys(republished);
