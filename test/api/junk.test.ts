import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { z } from 'zod';
import { createApp } from '../../api/app.ts';
import { createAccountBody, movementBody, reasonBody, transferBody } from '../../contracts/http.ts';
import { post, untouchable } from './fixtures.ts';
import { account, codeOf, deposit, KEY, transfer } from './refused.ts';

describe('whatever is sent', () => {
  const routes: [path: string, schema: z.ZodType, valid: object][] = [
    ['/v1/accounts', createAccountBody, account],
    ['/v1/deposits', movementBody, deposit],
    ['/v1/withdrawals', movementBody, deposit],
    ['/v1/transfers', transferBody, { ...transfer, reference: 'r', metadata: { a: 'b' } }],
    ['/v1/accounts/alice/freeze', reasonBody, { reason: 'x' }],
  ];

  it.each(routes)(
    '%s is never a 500, and reaches nothing unless it is valid',
    async (path, schema, valid) => {
      const logged = vi.spyOn(console, 'error').mockReturnValue();
      const junk = fc.oneof(
        fc.anything({ withNullPrototype: false }).map((value) => JSON.stringify(value, jsonable) ?? ''),
        fc.json(),
        fc.string({ unit: 'binary' }),
        nearlyValid(valid).map((value) => JSON.stringify(value)),
      );
      await fc.assert(
        fc.asyncProperty(junk, async (body) => {
          fc.pre(!isValid(schema, body) && !(path.endsWith('freeze') && body === ''));
          expect(await codeOf(path, post(body, KEY))).toBe('invalid_request');
        }),
        { numRuns: 300 },
      );
      expect(logged).not.toHaveBeenCalled();
    },
  );

  it('as a path or a query is never a 500', async () => {
    const paths = ['/v1/accounts/', '/v1/transfers/', '/docs/', '/'];
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
