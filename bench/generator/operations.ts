/** What the clients of the bench ask for. Every request has a key of its own, so that each moves money once. */
import { randomUUID } from 'node:crypto';
import { choose } from '../log/patterns.ts';
import { accountId, type Accounts, type Operation } from '../task.ts';
import type { HttpResponse } from './http-response.ts';
import type { HttpPool } from './http-pool.ts';
import type { Ask } from './load.ts';

/** Told of each answer. */
type OnResponse = (response: HttpResponse) => void;

/** Long enough that no transfer of a run expires. */
const APPROVAL_SECONDS = 3_600;

/** How the clients ask for it. */
export function asking(pool: HttpPool, operation: Operation, onResponse: OnResponse = () => {}): Ask {
  switch (operation.type) {
    case 'transfer': {
      const next = transfers(operation.accounts, operation.pattern);
      return async () => {
        onResponse(await post(pool, { path: '/v1/transfers', body: next(), expected: 201 }));
        return 1;
      };
    }
    case 'approval': {
      const next = transfers(operation.accounts);
      return async () => {
        const body = { ...next(), approval: { timeout_seconds: APPROVAL_SECONDS } };
        const { body: waiting } = await post(pool, { path: '/v1/transfers', body, expected: 202 });
        const { id } = JSON.parse(waiting) as { id: string };
        const path = `/v1/transfers/${id}/approve`;
        const approved = await post(pool, { path, body: {}, expected: 200 });
        const { status } = JSON.parse(approved.body) as { status: string };
        if (status !== 'posted') throw new Error(`${path}: ${status}`);
        return 1;
      };
    }
    case 'noop':
      return async () => {
        await post(pool, { path: `/noop/${operation.start}`, body: {}, expected: 201 });
        return 1;
      };
    case 'several': {
      const { accounts, count } = operation;
      const next = transfers(accounts);
      return async () => {
        const body = Array.from({ length: count }, () => ({ id: randomUUID(), ...next() }));
        await post(pool, { path: '/v1/bulk', body, expected: 201 });
        return count;
      };
    }
  }
}

type Step = { readonly path: string; readonly body: object; readonly expected: number };

async function post(pool: HttpPool, { path, body, expected }: Step): Promise<HttpResponse> {
  const headers = { 'idempotency-key': randomUUID() };
  const response = await pool.send({ method: 'POST', path, headers, body: JSON.stringify(body) });
  if (response.status !== expected) throw new Error(`${response.status} ${response.body.slice(0, 200)}`);
  return response;
}

/** Transfers of one cent between some of the accounts. */
export function transfers(
  accounts: Accounts,
  pattern: Extract<Operation, { type: 'transfer' }>['pattern'] = 'uniform',
) {
  const pick = choose(pattern, accounts.count);
  return () => {
    const [source, destination] = pick();
    const ends = { source: accountId(accounts, source), destination: accountId(accounts, destination) };
    return { ...ends, amount: '1', currency: 'EUR' };
  };
}
