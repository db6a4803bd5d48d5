/**
 * A bulk: many transfers that were sent in one request. What HTTP says of it, what is stored of it, and what travels
 * through Temporal, which is little: a payload may have 2 MB there, and ten thousand lines have more.
 */
import { z } from 'zod';
import { page } from './http.ts';
import { PROBLEMS, type ProblemCode } from './problems.ts';
import * as values from './values.ts';

export const BULK_LINES_MAX = 10_000;

export const bulkLine = z
  .strictObject({
    id: values.id.optional().meta({
      description: 'Your id for the line, unique in the request. The outcome of the line repeats it.',
    }),
    source: values.id,
    destination: values.id,
    amount: values.amount,
    currency: values.currency,
    reference: values.reference.optional(),
    metadata: values.metadata.default({}),
  })
  .meta({ id: 'BulkLine' });

export const bulkBody = z.strictObject({ transfers: z.array(bulkLine).min(1).max(BULK_LINES_MAX) }).meta({
  id: 'CreateBulk',
  example: {
    transfers: [
      { id: 'salary-1', source: 'payroll', destination: 'alice', amount: '250000', currency: 'EUR' },
      { id: 'salary-2', source: 'payroll', destination: 'bob', amount: '240000', currency: 'EUR' },
    ],
  },
});

const count = (description: string) => z.number().int().nonnegative().meta({ description });

export const bulkResource = z
  .object({
    id: values.id,
    status: z.enum(['running', 'completed', 'stopped']).meta({
      description: '`stopped`: its workflow ended early. The same request, sent again, resumes it.',
    }),
    total: count('The number of lines.'),
    done: count('Lines that have an outcome.'),
    posted: count('Lines whose transfer is posted.'),
    rejected: count('Lines whose transfer is rejected.'),
    failed: count('Lines without a transfer, because an account does not exist.'),
    created_at: values.time,
    completed_at: values.time.optional(),
    position: values.position.optional().meta({
      description: 'The log position that includes every outcome so far; pass it as `min_position`.',
    }),
    workflow_id: z.string(),
  })
  .meta({ id: 'Bulk' });

const codes = Object.keys(PROBLEMS) as ProblemCode[];

export const bulkOutcome = z
  .object({
    line: z.number().int().positive().meta({ description: 'The number of the line, from 1.' }),
    id: values.id.optional().meta({ description: 'Your id for the line.' }),
    status: z.enum(['posted', 'rejected', 'failed']),
    transfer: values.id.optional().meta({ description: 'The id of the transfer, if one was recorded.' }),
    position: values.position.optional(),
    code: z.enum(codes).optional().meta({ description: 'Why no money moved.' }),
    detail: z.string().optional(),
  })
  .meta({ id: 'BulkOutcome' });

export const bulkOutcomePage = page(bulkOutcome).meta({ id: 'BulkOutcomePage' });

export type BulkLine = z.infer<typeof bulkLine>;
export type BulkResource = z.infer<typeof bulkResource>;
export type BulkOutcome = z.infer<typeof bulkOutcome>;
