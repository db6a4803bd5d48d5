/** What HTTP shows of projections, and the daily totals that one of them keeps. */
import { z } from 'zod';
import * as values from './values.ts';

const position = z.number().int().nonnegative();
const unknown = 'null where unknown';

export const projectionResource = z
  .object({
    name: z.string().meta({ example: 'balances' }),
    version: z.number().int().positive(),
    status: z
      .enum(['live', 'stopped'])
      .meta({ description: '`stopped`: the projection cannot apply its next event.' }),
    position: position.meta({
      description: 'The projection includes every event up to this log position, and none after it.',
    }),
    lag_events: position
      .nullable()
      .meta({ description: `The number of events not yet applied; ${unknown}.` }),
    lag_seconds: z
      .number()
      .nonnegative()
      .nullable()
      .meta({ description: `The age of the oldest event not yet applied; ${unknown}.` }),
    parked: position.meta({
      description: 'The number of commands whose events could not be applied and are parked.',
    }),
    error: z.string().optional().meta({ description: 'Why the projection has stopped.' }),
    rebuild: z
      .object({ version: z.number().int().positive(), position })
      .optional()
      .meta({ description: 'The new version that is being built beside the live one.' }),
  })
  .meta({ id: 'Projection' });

export const projectionList = z.object({ data: z.array(projectionResource) }).meta({ id: 'ProjectionList' });

export const dailyTotals = z
  .object({
    day: z.iso.date().meta({ description: 'The day, in UTC.', example: '2026-11-23' }),
    currency: values.currency,
    debits: values.sum,
    credits: values.sum,
    count: z.number().int().positive().meta({ description: 'The number of entries.' }),
    closing_balance: values.sum.meta({ description: 'The posted balance after the last entry of the day.' }),
  })
  .meta({ id: 'DailyTotals' });

export const dailyTotalsPage = z
  .object({ data: z.array(dailyTotals).readonly(), next_cursor: z.string().nullable() })
  .meta({ id: 'DailyTotalsPage' });

export type ProjectionResource = z.infer<typeof projectionResource>;
export type DailyTotals = z.infer<typeof dailyTotals>;
