/**
 * The headers of an event on NATS, as `eventlog/codec.ts` and `eventlog/batch.ts` write them and the server adds to
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
  'ce-specversion': z.literal('1.0').meta({ description: 'CloudEvents 1.0.' }),
  'ce-id': z.string().min(1).meta({ description: 'Unique in the ledger, with `ce-source` in all ledgers.' }),
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
  'ce-time': time.meta({ description: 'When it was decided. RFC 3339, UTC.' }),
  datacontenttype: z.literal('application/json').meta({ description: 'The data is JSON.' }),
  'ce-workflowid': z.string().min(1).meta({ description: 'The Temporal workflow that carried it.' }),
  'ce-actor': z.string().min(1).meta({ description: 'Who asked for it.', example: 'anonymous' }),
  'ce-idempotencykey': sha256
    .optional()
    .meta({ description: 'SHA-256 of the Idempotency-Key, if the command had one.' }),
  'ce-fingerprint': z.string().min(1).optional().meta({
    description: 'SHA-256 of what the request asked for; a word, if its own workflow asked.',
  }),
  traceparent: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'W3C Trace Context, if the request brought one.' }),
  'ce-version': ordinal.meta({ description: 'Counts the events of the aggregate: from 1, without a gap.' }),
  'ce-prevhash': sha256.meta({
    description: 'The `ce-hash` of the event before it of the same aggregate; zeros if it is the first.',
  }),
  'ce-after': count.optional().meta({ description: 'How far the log went before it: a position.' }),
  'ce-hash': sha256.meta({ description: 'SHA-256 over this event, and so over all before it.' }),
};

/** What the event was appended with; the server keeps it. */
const append = {
  'Nats-Batch-Id': z.string().optional().meta({ description: 'The atomic batch that it came in.' }),
  'Nats-Batch-Sequence': ordinal.optional().meta({ description: 'Its place in the batch.' }),
  'Nats-Batch-Commit': z.literal('1').optional().meta({
    description: 'The last message of a batch. That may be a receipt, which is not published.',
  }),
  'Nats-Expected-Last-Sequence': count.optional().meta({ description: 'A guard of the append.' }),
  'Nats-Expected-Last-Subject-Sequence': count.optional().meta({ description: 'A guard of the append.' }),
  'Nats-Expected-Last-Subject-Sequence-Subject': z
    .string()
    .optional()
    .meta({ description: 'What that guard is on.' }),
};

/** What the server adds where a message is not read from the stream, but comes as it is stored. */
const republished = {
  'Nats-Stream': z.string().meta({ description: 'The stream of the ledger.' }),
  'Nats-Subject': z.string().meta({ description: 'The subject that it is stored under: the same one.' }),
  'Nats-Sequence': ordinal.meta({ description: 'The position in the log.', example: '42' }),
  'Nats-Time-Stamp': time.meta({ description: 'When the server stored it. RFC 3339, UTC.' }),
  'Nats-Last-Sequence': count.meta({
    description: 'The position of the last one on the same subject, or 0.',
  }),
};

/** An event, however it is received. */
export const eventHeaders = z.object({ ...attributes, ...append, ...z.object(republished).partial().shape });

/** What an event on a plain subscription has besides. From a consumer the position comes beside the headers. */
export const REPUBLISHED_HEADERS = Object.keys(republished);
