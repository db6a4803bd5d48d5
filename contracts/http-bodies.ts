/** The bodies of commands over HTTP. The same schemas validate, type the handlers and make `/openapi.json`. */
import { z } from 'zod';
import { isWorldAccount } from '../domain/account.ts';
import { entry } from './http.ts';
import * as values from './values.ts';

/** Free text that whatever moves or holds money may have. */
const described = {
  reference: values.reference.optional(),
  metadata: values.metadata.default({}),
};

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

export const updateAccountBody = z
  .strictObject({ overdraft_limit: values.limit })
  .meta({ id: 'UpdateAccount', example: { overdraft_limit: '50000' } });

export const reasonBody = z
  .strictObject({ reason: values.reason.optional() })
  .meta({ id: 'Reason', example: { reason: 'lost card' } });

export const depositBody = z
  .strictObject({
    account: values.id,
    amount: values.amount,
    currency: values.currency,
    ...described,
  })
  .meta({
    id: 'CreateDeposit',
    example: { account: 'alice', amount: '1050', currency: 'EUR', reference: 'invoice-42' },
  });

export const withdrawalBody = depositBody
  .extend({
    rail: values.id.optional().meta({
      description:
        'The payment rail that pays the money out. Until the rail has settled the payment, the money is held.',
      example: 'sandbox',
    }),
  })
  .meta({
    id: 'CreateWithdrawal',
    example: { account: 'alice', amount: '1050', currency: 'EUR', reference: 'payout-42' },
  });

export const transferBody = z
  .strictObject({
    source: values.id,
    destination: values.id,
    amount: values.amount,
    currency: values.currency,
    ...described,
    approval: z
      .strictObject({ timeout_seconds: values.seconds })
      .optional()
      .meta({ description: 'Requires an approval within this time. Until then the money is held.' }),
    scheduled_for: values.instant.optional().meta({
      description:
        'When the money moves: at most ten years ahead; at once if the time has passed. Without `approval`, nothing is held until then.',
    }),
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

export const reversalBody = z
  .strictObject({
    amount: values.amount
      .optional()
      .meta({ description: 'The amount to reverse. By default, all that has not been reversed yet.' }),
    ...described,
  })
  .meta({ id: 'CreateReversal', example: { amount: '500', reference: 'refund-42' } });

const ENTRIES_MAX = 500;
const ACCOUNTS_MAX = 100;

export const transactionBody = z
  .strictObject({
    entries: z
      .array(entry.strict())
      .min(2)
      .max(ENTRIES_MAX)
      .refine(
        (entries) => new Set(entries.map(({ account }) => account)).size <= ACCOUNTS_MAX,
        `must name at most ${ACCOUNTS_MAX} different accounts`,
      )
      .meta({
        description: 'In each currency, debits and credits are equal. Either all entries are posted or none.',
      }),
    ...described,
    rate: values.rate.optional(),
  })
  .superRefine(({ metadata, rate }, context) => {
    if (rate === undefined) return;
    // It is kept there, so there has to be room for it.
    const issue = (message: string, path: string[]) => context.addIssue({ code: 'custom', message, path });
    if (Object.hasOwn(metadata, 'rate')) issue('must not be combined with rate', ['metadata', 'rate']);
    else if (Object.keys(metadata).length >= values.METADATA_KEYS_MAX) {
      issue(`must have fewer than ${values.METADATA_KEYS_MAX} keys if rate is given`, ['metadata']);
    }
  })
  .meta({
    id: 'CreateTransaction',
    example: {
      entries: [
        { account: 'alice', direction: 'debit', amount: '10000', currency: 'EUR' },
        { account: 'desk-eur', direction: 'credit', amount: '10000', currency: 'EUR' },
        { account: 'desk-usd', direction: 'debit', amount: '10825', currency: 'USD' },
        { account: 'bob', direction: 'credit', amount: '10825', currency: 'USD' },
      ],
      rate: '1.0825',
    },
  });

export const holdBody = z
  .strictObject({
    account: values.id.refine((id) => !isWorldAccount(id), 'must not be a world account'),
    amount: values.amount,
    currency: values.currency,
    expires_in_seconds: values.seconds
      .optional()
      .meta({ description: 'The hold expires after this time. By default, it does not expire.' }),
    destination: values.id
      .optional()
      .meta({ description: 'The account that a capture credits. By default, the world account.' }),
    ...described,
  })
  .meta({
    id: 'PlaceHold',
    example: { account: 'alice', amount: '1050', currency: 'EUR', expires_in_seconds: 604_800 },
  });

export const captureBody = z
  .strictObject({
    amount: values.amount
      .optional()
      .meta({ description: 'The amount to capture; the rest is released. By default, the whole hold.' }),
    destination: values.id
      .optional()
      .meta({ description: 'The account to credit. By default, the destination of the hold.' }),
  })
  .meta({ id: 'CaptureHold', example: { amount: '800' } });

export const extendBody = z
  .strictObject({
    expires_in_seconds: values.seconds.meta({
      description: 'Counted from now. A hold that already lasts longer is not changed.',
    }),
  })
  .meta({ id: 'ExtendHold', example: { expires_in_seconds: 604_800 } });
