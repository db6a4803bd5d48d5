/** One run of a Tallybook in which every event that there is happens at least once. */
import type { httpClient, Reply } from '../http/http.ts';

type Client = ReturnType<typeof httpClient>;

/** With these settings a rail that is not there is given up after a second. */
export function lostRail(port: number): Record<string, string> {
  return {
    RAILS: `lost=http://127.0.0.1:${port}`,
    RAIL_SECRET: 'a secret that nobody uses',
    RAIL_TIMEOUT_MS: '500',
    RAIL_POLL_MS: '200',
    RAIL_PATIENCE_SECONDS: '1',
  };
}

const eur = (amount: string) => ({ amount, currency: 'EUR' });
const soon = () => new Date(Date.now() + 1_000).toISOString();

/** What comes later: these transfers and holds end by a timer, and that one is parked. */
export type Later = { readonly ends: readonly string[]; readonly parked: string };

/**
 * Asks for everything.
 * @throws Error for an answer that is not what it should be.
 */
export async function makeEveryEvent(http: Client, url: string): Promise<Later> {
  const post = async (path: string, body: object, status = 200) =>
    expectStatus(await http.post(path, body, { traceparent: TRACE }), status).body as { id: string };
  const pay = (amount: string, more: object = {}, status = 201) =>
    post('/v1/transfers', { source: 'alice', destination: 'bob', ...eur(amount), ...more }, status);

  for (const id of ['alice', 'bob', 'empty'])
    await post('/v1/accounts', { id, owner: id, currency: 'EUR' }, 201);
  await post('/v1/accounts', { owner: 'Zoë “Z” Ünal', currency: 'JPY', metadata: { 'a.b-c': '✓\n' } }, 201);
  await post('/v1/deposits', { account: 'alice', ...eur('100000') }, 201);
  await limit(url, 'bob', '500');

  const { id: paid } = await pay('300', { reference: 'rent', metadata: { month: 'May' } });
  await post(`/v1/transfers/${paid}/reversal`, { amount: '100' }, 201);
  await pay('999999999', {}, 422);
  await post('/v1/withdrawals', { account: 'alice', ...eur('50') }, 201);
  await post('/v1/transactions', { entries: split() }, 201);
  await post('/v1/transactions', { entries: split('9999999') }, 422);

  const approval = { timeout_seconds: 600 };
  const waiting = async () => (await pay('10', { approval }, 202)).id;
  await post(`/v1/transfers/${await waiting()}/approve`, { reason: 'seen' });
  await post(`/v1/transfers/${await waiting()}/reject`, { reason: 'not seen' });
  await post(`/v1/transfers/${await waiting()}/cancel`, {});
  const ending = [
    await pay('10', { approval: { timeout_seconds: 1 } }, 202),
    await pay('10', { scheduled_for: soon() }, 202),
    await pay('10', { source: 'empty', scheduled_for: soon() }, 202),
  ];
  const parked = await post('/v1/withdrawals', { account: 'alice', ...eur('20'), rail: 'lost' }, 202);

  const hold = async (more: object = {}) =>
    (await post('/v1/holds', { account: 'alice', ...eur('40'), ...more }, 201)).id;
  await post(`/v1/holds/${await hold({ destination: 'bob' })}/capture`, { amount: '15' });
  await post(`/v1/holds/${await hold()}/void`, { reason: 'changed their mind' });
  await post(`/v1/holds/${await hold({ expires_in_seconds: 600 })}/extend`, { expires_in_seconds: 900 });
  const expiring = await hold({ expires_in_seconds: 1 });

  for (const what of ['freeze', 'unfreeze']) await post(`/v1/accounts/bob/${what}`, { reason: 'a check' });
  return { ends: [...ending.map(({ id }) => id), expiring], parked: parked.id };
}

/** What needs the others to have come: the parked transfer is resolved, and an account that they used is closed. */
export async function endEveryEvent(http: Client, parked: string): Promise<void> {
  const body = { outcome: 'completed', reason: 'it arrived' };
  expectStatus(await http.post(`/v1/transfers/${parked}/resolve`, body), 200);
  expectStatus(await http.post('/v1/accounts/empty/close', {}), 200);
}

function expectStatus(reply: Reply, status: number): Reply {
  if (reply.status === status) return reply;
  throw new Error(`${reply.status} is not ${status}: ${JSON.stringify(reply.body)}`);
}

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

function split(more = '1') {
  return [
    { account: 'alice', direction: 'debit', ...eur(`${BigInt(more) + 2n}`) },
    { account: 'bob', direction: 'credit', ...eur(more) },
    { account: 'empty', direction: 'credit', ...eur('2') },
    { account: 'empty', direction: 'debit', ...eur('2') },
    { account: 'bob', direction: 'credit', ...eur('2') },
  ];
}

async function limit(url: string, account: string, overdraft_limit: string): Promise<void> {
  const answer = await fetch(`${url}/v1/accounts/${account}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json', 'if-match': '*', 'idempotency-key': 'the limit' },
    body: JSON.stringify({ overdraft_limit }),
  });
  if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`);
}
