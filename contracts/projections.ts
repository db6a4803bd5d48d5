/** What HTTP answers about projections, and the daily totals that one of them keeps. */
import { z } from 'zod';
import * as values from './values.ts';

const position = z.number().int().nonnegative();
const unknown = 'null where that is not known';

export const projectionResource = z
  .object({
    name: z.string().meta({ example: 'balances' }),
    version: z.number().int().positive(),
    status: z.enum(['live', 'stopped']).meta({ description: '`stopped`: at an event that it cannot apply.' }),
    position: position.meta({
      description: 'It shows everything up to this log position, and nothing after.',
    }),
    lag_events: position.nullable().meta({ description: `Events that it does not show yet; ${unknown}.` }),
    lag_seconds: z
      .number()
      .nonnegative()
      .nullable()
      .meta({ description: `How long the oldest event has waited that it does not show yet; ${unknown}.` }),
    parked: position.meta({ description: 'Commands whose events it could not apply, and keeps apart.' }),
    error: z.string().optional().meta({ description: 'Why it has stopped.' }),
    rebuild: z
      .object({ version: z.number().int().positive(), position })
      .optional()
      .meta({ description: 'What is being built beside it.' }),
  })
  .meta({ id: 'Projection' });

export const projectionList = z.object({ data: z.array(projectionResource) }).meta({ id: 'ProjectionList' });

export const dailyTotals = z
  .object({
    day: z.iso.date().meta({ description: 'UTC.', example: '2026-11-23' }),
    currency: values.currency,
    debits: values.sum,
    credits: values.sum,
    count: z.number().int().positive().meta({ description: 'Of entries.' }),
    closing_balance: values.sum.meta({ description: 'The posted balance after the last entry of the day.' }),
  })
  .meta({ id: 'DailyTotals' });

export const dailyTotalsPage = z
  .object({ data: z.array(dailyTotals).readonly(), next_cursor: z.string().nullable() })
  .meta({ id: 'DailyTotalsPage' });

export type ProjectionResource = z.infer<typeof projectionResource>;
export type DailyTotals = z.infer<typeof dailyTotals>;
