/** The HTTP server that every peer stands behind, so that all pay the same for HTTP. It prints `ready`. */
import { serve } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import { measureDirectly } from './direct.ts';
import { CURRENCY, type Outcome, type Peer, type Transfer } from './transfers.ts';

const AMOUNT = /^[1-9][0-9]{0,18}$/;
const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const KEY_LENGTH_MAX = 255;

/** Something that the client has to do differently. */
class Invalid extends Error {}

/**
 * Serves a peer on `PORT`, and closes it on SIGTERM.
 * @throws Error when there is no `PORT`.
 */
export function servePeer(peer: Peer): void {
  const port = Number(requireEnv('PORT'));
  let accounts = 0;
  const app = new Hono();
  app.onError((error, c) => {
    if (error instanceof Invalid) return c.json({ code: 'invalid_request', detail: error.message }, 400);
    console.error(error);
    return c.json({ code: 'internal', detail: error.message }, 500);
  });
  app.post('/v1/transfers', async (c) => {
    const transfer = read(await c.req.json(), c.req.header('idempotency-key'));
    return answer(c, transfer.key, await peer.transfer(transfer));
  });
  app.post('/v1/bulk', async (c) => {
    if (peer.transferMany === undefined) return c.json({ code: 'route_not_found' }, 404);
    const body = await c.req.json<(Record<string, unknown> & { id?: string })[]>();
    const transfers = body.map((one) => read(one, one.id));
    const outcomes = await peer.transferMany(transfers);
    const results = transfers.map(({ key }, index) => ({ id: key, status: outcomes[index] }));
    return c.json({ results }, 201);
  });
  app.post('/setup', async (c) => {
    const body = await c.req.json<{ accounts: number; funds: string | number }>();
    await peer.open(body.accounts, BigInt(body.funds));
    ({ accounts } = body);
    return c.json({ accounts }, 201);
  });
  app.get('/check', async (c) => {
    const { transfers, sum, negative } = await peer.count();
    return c.json({ transfers, sum: `${sum}`, negative });
  });
  app.post('/direct', async (c) => {
    const body = await c.req.json<{ clients: number; seconds: number; batch?: number }>();
    return c.json(await measureDirectly(peer, { ...body, accounts }));
  });
  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port }, () => console.log('ready'));
  process.once('SIGTERM', () => {
    server.close();
    void peer.close().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
}

/** @throws Error that names the variable when it is not set. */
export function requireEnv(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set.`);
  return value;
}

/** The checks that Tallybook makes of a request's shape, too. */
function read(body: Record<string, unknown>, key: string | undefined): Transfer {
  const { source, destination, amount, currency } = body;
  if (key === undefined || key === '' || key.length > KEY_LENGTH_MAX) throw new Invalid('Idempotency-Key');
  if (typeof source !== 'string' || !ID.test(source)) throw new Invalid('source');
  if (typeof destination !== 'string' || !ID.test(destination)) throw new Invalid('destination');
  if (source === destination) throw new Invalid('destination is the source');
  if (typeof amount !== 'string' || !AMOUNT.test(amount)) throw new Invalid('amount');
  if (currency !== CURRENCY) throw new Invalid('currency');
  return { key, source, destination, amount: BigInt(amount), currency };
}

function answer(c: Context, id: string, outcome: Outcome): Response {
  if (outcome === 'posted') return c.json({ id, status: outcome }, 201);
  return c.json({ id, code: outcome }, 422);
}
