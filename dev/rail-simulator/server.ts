/** A payment rail for development and tests: what it does with a payment, the payment says itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { callBack, type CallbackOptions } from './callbacks.ts';
import { paymentBody, Payments, stateOf, type Payment, type PaymentBody } from './payments.ts';

export type SimulatorOptions = CallbackOptions & {
  readonly port: number;
  /** Where it keeps what it was given. */
  readonly file: string;
};

/** Longer than anybody waits for an answer. */
const NEVER_MS = 120_000;

/** Starts to listen, and goes on with what it had not finished when it was stopped. */
export async function startSimulator(options: SimulatorOptions): Promise<{ close: () => Promise<void> }> {
  const payments = new Payments(options.file);
  const server = await new Promise<ReturnType<typeof serve>>((resolve, reject) => {
    const app = createSimulator(payments, options);
    const started = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: options.port }, () =>
      resolve(started),
    );
    started.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(taken ? new Error(`Port ${options.port} is taken. Set RAIL_PORT to another one.`) : error);
    });
  });
  for (const payment of payments.all()) void callBack(payment, payments, options);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // Who waits for an answer that never comes would keep it open.
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  };
}

function createSimulator(payments: Payments, options: CallbackOptions): Hono {
  return new Hono()
    .post('/payments', async (c) => {
      const key = c.req.header('idempotency-key') ?? '';
      const body = paymentBody.safeParse(await c.req.json().catch(() => undefined));
      if (key === '' || !body.success) return c.json({ error: 'a key and a payment are needed' }, 400);
      const known = payments.withKey(key);
      if (known && !isSame(known.body, body.data)) {
        return c.json({ error: 'this key belongs to another payment' }, 409);
      }
      const { payment, isNew } = payments.take(key, body.data, Date.now());
      const { id, amount, currency } = body.data;
      options.log(`${isNew ? 'took' : 'was given again'} ${id}: ${amount} ${currency}`);
      if (isNew) void callBack(payment, payments, options);
      return reply(payment);
    })
    .get('/payments/:id', (c) => {
      const payment = payments.withId(c.req.param('id'));
      if (!payment) return c.json({ error: 'there is no such payment' }, 404);
      return payment.plan.replies === 'with 503' ? broken() : reported(payment, 200);
    })
    .get('/payments', (c) => {
      const listed = payments.all().map((payment) => {
        const { body, key, requests, calledBack } = payment;
        return { ...body, key, state: stateOf(payment, Date.now()), requests, called_back: calledBack };
      });
      return c.json({ data: listed });
    });
}

async function reply(payment: Payment): Promise<Response> {
  switch (payment.plan.replies) {
    case 'at once':
      return reported(payment, 202);
    case 'with 503':
      return broken();
    case 'never':
      await sleep(NEVER_MS, undefined, { ref: false });
      return Response.json({ error: 'nobody waits any more' }, { status: 504 });
  }
}

function reported(payment: Payment, status: number): Response {
  const { body, plan } = payment;
  const state = stateOf(payment, Date.now());
  const reason = state === 'accepted' || plan.reason === undefined ? {} : { reason: plan.reason };
  const declined = state === 'declined' && status === 202;
  return Response.json({ id: body.id, state, ...reason }, { status: declined ? 422 : status });
}

function broken(): Response {
  return Response.json({ error: 'out of order' }, { status: 503 });
}

function isSame(a: PaymentBody, b: PaymentBody): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
