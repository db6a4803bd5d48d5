/** The values that HTTP bodies and events are made of. */
import currencyCodes from 'currency-codes';
import { z } from 'zod';
import { AMOUNT_MAX } from '../domain/money.ts';
import { ID_PATTERN } from './subjects.ts';

const CURRENCIES = new Set(currencyCodes.codes());

/** Text that survives every store on the way: well-formed Unicode without control characters. */
function text(longest: number) {
  return z
    .string()
    .min(1)
    .max(longest)
    .refine(
      (value) => value.isWellFormed() && !/\p{Cc}/u.test(value),
      'must be text without control characters',
    );
}

export const id = z
  .string()
  .regex(ID_PATTERN, 'must be 1-64 letters, digits, - or _, starting with a letter or digit')
  .meta({ description: 'An id.', example: 'alice' });

export const amount = z
  .string()
  .regex(/^[1-9][0-9]{0,18}$/, 'must be a decimal string of minor units above zero, at most 19 digits')
  .meta({ description: 'Minor units as a decimal string: "1050" is 10.50 EUR.', example: '1050' });

/** An amount that may be zero or below, as balances are. */
export const sum = z
  .string()
  .regex(/^-?(0|[1-9][0-9]*)$/)
  .meta({ description: 'Minor units as a decimal string.', example: '1050' });

export const limit = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,18})$/, 'must be a decimal string of minor units, zero or above')
  .refine((value) => !/^[0-9]{1,19}$/.test(value) || BigInt(value) <= AMOUNT_MAX, 'must be at most 2^63-1')
  .meta({
    description: 'How far the posted balance, less what is held, may go below zero. In minor units.',
    example: '0',
  });

export const currency = z
  .string()
  .refine((code) => CURRENCIES.has(code), 'must be an ISO 4217 code')
  .meta({ description: 'An ISO 4217 currency code.', example: 'EUR' });

export const owner = text(255).meta({
  description: 'The owner of the account, as you name it.',
  example: 'alice',
});

export const reference = text(255).meta({ description: 'Your own reference.', example: 'invoice-42' });

export const reason = text(500).meta({ description: 'The reason, for the record.', example: 'lost card' });

export const METADATA_KEYS_MAX = 50;

export const metadata = z
  .record(
    z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'must be 1-64 letters, digits, _, . or -'),
    z
      .string()
      .max(500)
      .refine((value) => value.isWellFormed() && !value.includes('\0'), 'must be well-formed text'),
  )
  .refine(
    (value) => Object.keys(value).length <= METADATA_KEYS_MAX,
    `must have at most ${METADATA_KEYS_MAX} keys`,
  )
  .meta({ description: 'Up to 50 key-value pairs of your own.', example: { order: '42' } });

export const time = z.iso
  .datetime()
  .meta({ description: 'A time, RFC 3339 in UTC.', example: '2026-11-23T08:00:00.000Z' });

/** A time that is kept: all have milliseconds, so that their text sorts as they do. */
export const instant = time.overwrite((written) => {
  const parsed = Date.parse(written);
  // What is no time has its issue already.
  return Number.isNaN(parsed) ? written : new Date(parsed).toISOString();
});

export const seconds = z
  .number()
  .int()
  .min(1)
  .max(31_536_000)
  .meta({ description: 'A number of seconds, at most one year.', example: 3600 });

export const rate = z
  .string()
  .regex(/^(?=[^1-9]*[1-9])(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?$/, 'must be a decimal string above zero')
  .meta({
    description: 'The exchange rate, for the record. Stored as `metadata.rate`.',
    example: '1.0825',
  });

export const position = z
  .number()
  .int()
  .positive()
  .meta({ description: 'A position in the log.', example: 42 });

export const balances = z.object({ posted: sum, held: sum, available: sum });
