import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { z } from 'zod';
import { createApp } from '../../../api/app.ts';
import {
  captureBody,
  createAccountBody,
  depositBody,
  extendBody,
  holdBody,
  reasonBody,
  reversalBody,
  transactionBody,
  transferBody,
  updateAccountBody,
  withdrawalBody,
} from '../../../contracts/http-bodies.ts';
import { post, untouchable } from '../fixtures/fixtures.ts';
import { account, codeTo, deposit, hold, KEY, transaction, transfer } from '../fixtures/rejected.ts';

describe('whatever is sent', () => {
  const waiting = { approval: { timeout_seconds: 60 }, scheduled_for: '2027-01-01T00:00:00Z' };
  const described = { reference: 'r', metadata: { a: 'b' } };
  const routes: [route: string, schema: z.ZodType, valid: object][] = [
    ['/v1/accounts', createAccountBody, account],
    ['PATCH /v1/accounts/alice', updateAccountBody, { overdraft_limit: '1' }],
    ['/v1/accounts/alice/freeze', reasonBody, { reason: 'x' }],
    ['/v1/deposits', depositBody, deposit],
    ['/v1/withdrawals', withdrawalBody, { ...deposit, rail: 'card' }],
    ['/v1/transfers', transferBody, { ...transfer, ...described, ...waiting }],
    ['/v1/transfers/tr_1/reject', reasonBody, { reason: 'x' }],
    ['/v1/transfers/tr_1/reversal', reversalBody, { amount: '1', ...described }],
    ['/v1/transactions', transactionBody, { ...transaction, ...described, rate: '1.5' }],
    ['/v1/holds', holdBody, { ...hold, ...described, destination: 'bob', expires_in_seconds: 60 }],
    ['/v1/holds/hold_1/capture', captureBody, { amount: '1', destination: 'bob' }],
    ['/v1/holds/hold_1/extend', extendBody, { expires_in_seconds: 60 }],
  ];
  /** Their body may be left out. */
  const optional = /\/(freeze|reject|reversal|capture)$/;

  it.each(routes)(
    '%s is never a 500, and reaches nothing unless it is valid',
    async (route, schema, valid) => {
      const logged = vi.spyOn(console, 'error').mockReturnValue();
      const junk = fc.oneof(
        fc.anything({ withNullPrototype: false }).map((value) => JSON.stringify(value, jsonable) ?? ''),
        fc.json(),
        fc.string({ unit: 'binary' }),
        nearlyValid(valid).map((value) => JSON.stringify(value)),
      );
      await fc.assert(
        fc.asyncProperty(junk, async (body) => {
          fc.pre(!isValid(schema, body) && !(optional.test(route) && body === ''));
          const headers = { ...KEY, 'if-match': '"3"' };
          expect(await codeTo(route, post(body, headers))).toBe('invalid_request');
        }),
        { numRuns: 300 },
      );
      expect(logged).not.toHaveBeenCalled();
    },
  );

  it('as a path or a query is never a 500', async () => {
    const paths = ['/v1/accounts/', '/v1/transfers/', '/v1/transactions/', '/v1/holds/', '/docs/', '/'];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), fc.string({ unit: 'binary' }), async (path, text) => {
        const { deps, touched } = untouchable();
        const part = encodeURIComponent(text.toWellFormed());
        fc.pre(!/^[A-Za-z0-9]/.test(text) && part !== '' && part !== '.' && part !== '..');
        const response = await createApp(deps).request(`${path}${part}`);
        expect([400, 404]).toContain(response.status);
        const query = await createApp(deps).request(`/v1/events?type=${part}&${part}=${part}&__proto__=1`);
        expect(query.status).toBe(400);
        expect(touched).toEqual([]);
      }),
    );
  });
});

/** A valid body with one member gone wrong. */
function nearlyValid(valid: object): fc.Arbitrary<object> {
  const value = fc.oneof(
    fc.jsonValue(),
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.constant('0'),
    fc.constant(null),
  );
  return fc
    .tuple(fc.constantFrom(...Object.keys(valid), 'unknown', '__proto__'), value)
    .map(([name, wrong]) => JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(wrong)}}`))
    .map((wrong) => ({ ...valid, ...wrong }));
}

function isValid(schema: z.ZodType, body: string): boolean {
  try {
    return schema.safeParse(JSON.parse(body)).success;
  } catch {
    return false;
  }
}

function jsonable(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
