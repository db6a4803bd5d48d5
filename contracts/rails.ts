/** What Tallybook and a payment rail say to each other, and what an operator says where the rail cannot. */
import { z } from 'zod';
import { transferStatus } from './http.ts';
import * as values from './values.ts';

/** What a rail writes for people, kept short, and without what would not survive on the way. */
export function words(text: string, longest = 300): string {
  return text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .slice(0, longest)
    .toWellFormed()
    .trim();
}

/** What a rail reports of a payment: in its response when it is given one or asked for its status, and in its callback. */
export const railReport = z
  .object({
    id: values.id.meta({ description: 'The transfer that the payment is for.', example: 'tr_42' }),
    state: z.enum(['accepted', 'settled', 'declined', 'unknown']).meta({
      description:
        '`accepted`: the payment is under way. `settled`: the money was paid out. `declined`: it was not and will not ' +
        'be. `unknown`: the rail does not know, and an operator has to resolve the transfer.',
    }),
    reason: z
      .string()
      .overwrite((text) => words(text))
      .optional()
      .meta({ description: 'The reason, in a few words.', example: 'no such IBAN' }),
  })
  .meta({ id: 'RailReport', example: { id: 'tr_42', state: 'settled' } });

export type RailReport = z.infer<typeof railReport>;

/** A report that is final as far as the rail goes. */
export type PaymentOutcome = {
  readonly state: Exclude<RailReport['state'], 'accepted'>;
  readonly reason?: string;
};

/** What a rail is given. */
export type RailPayment = {
  /** The transfer's id, and the payment's Idempotency-Key. */
  readonly id: string;
  readonly rail: string;
  readonly account: string;
  readonly amount: string;
  readonly currency: string;
  readonly reference?: string;
  readonly metadata: Readonly<Record<string, string>>;
};

export const railCallbackAccepted = z
  .object({
    id: values.id,
    status: transferStatus.optional().meta({
      description: 'The status of the transfer now. Left out for `accepted`, which changes nothing.',
    }),
  })
  .meta({ id: 'RailCallbackAccepted' });

export const resolveBody = z
  .strictObject({
    outcome: z.enum(['completed', 'failed']).meta({
      description:
        '`completed`: the money was paid out. `failed`: it was not, and the held money is released.',
    }),
    reason: values.reason.optional(),
  })
  .meta({
    id: 'ResolveTransfer',
    example: { outcome: 'completed', reason: 'on the bank statement of 24 May' },
  });
