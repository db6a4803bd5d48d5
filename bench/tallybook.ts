/** A Tallybook to measure: its accounts, the proof that nothing was lost, and its memory. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { accountIds, type Accounts } from './task.ts';

/** Enough for any number of transfers of one cent. */
export const FUNDS = 1_000_000_000n;

const AT_ONCE = 50;
const ATTEMPTS = 10;

/** Opens them, each with `FUNDS`. What is not measured may be asked for again. */
export async function openAccounts(url: string, accounts: Accounts): Promise<void> {
  await someAtOnce(accountIds(accounts), async (id) => {
    await post(`${url}/v1/accounts`, { id, owner: 'bench', currency: 'EUR' });
    await post(`${url}/v1/deposits`, { account: id, amount: `${FUNDS}`, currency: 'EUR' });
  });
}

async function post(url: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() };
  for (let attempt = 1; ; attempt++) {
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
    const text = await answer.text();
    if (answer.status === 201) return;
    if (answer.status !== 503 || attempt === ATTEMPTS) throw new Error(`${url}: ${answer.status} ${text}`);
    await sleep(1_000);
  }
}

/**
 * Proves by the read model that the accounts have what they were opened with, together, and that nothing is held. Gives
 * how many transfers of one cent they have paid.
 * @throws Error if it is not so.
 */
export async function checkMoney(url: string, accounts: Accounts): Promise<number> {
  const at = `min_position=${await lastPosition(url)}`;
  let sum = 0n;
  let paid = 0n;
  await someAtOnce(accountIds(accounts), async (id) => {
    const account = `${url}/v1/accounts/${id}`;
    const { balances } = await get<{ balances: { posted: string; held: string } }>(`${account}?${at}`);
    if (balances.held !== '0') throw new Error(`${id} still holds ${balances.held}.`);
    const days = await get<{ data: { debits: string }[] }>(`${account}/totals?${at}`);
    sum += BigInt(balances.posted);
    for (const { debits } of days.data) paid += BigInt(debits);
  });
  const funds = FUNDS * BigInt(accounts.count);
  if (sum !== funds) throw new Error(`Money is not conserved: ${sum}, not ${funds}.`);
  return Number(paid);
}

/** How far the log goes. */
export async function lastPosition(url: string): Promise<number> {
  const { projector } = await get<{ projector: { last_position: number } }>(`${url}/readyz`);
  return projector.last_position;
}

/** All that the customers' accounts have, by the read model at a position. */
export async function sumOfAccounts(url: string, position: number): Promise<bigint> {
  type Page = {
    data: { id: string; balances: { posted: string } }[];
    next_cursor: string | null;
  };
  let sum = 0n;
  for (let cursor: string | null = ''; cursor !== null;) {
    const from: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Page = await get(`${url}/v1/accounts?limit=500&min_position=${position}${from}`);
    for (const { id, balances } of page.data) if (!id.startsWith('world_')) sum += BigInt(balances.posted);
    cursor = page.next_cursor;
  }
  return sum;
}

/** Waits until the read model shows all of the log. */
export async function untilCaughtUp(url: string, told: (lag: number) => void = () => {}): Promise<void> {
  for (;;) {
    const { projector } = await get<{ projector: { lag_events: number } }>(`${url}/readyz`);
    if (projector.lag_events === 0) return;
    told(projector.lag_events);
    await sleep(100);
  }
}

/** The memory of the process that is API and worker, in MiB. */
export async function memoryOf(url: string): Promise<{ rssMiB: number; heapMiB: number }> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const mib = (name: string) => {
    const [, bytes] = new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics) ?? [];
    if (bytes === undefined) throw new Error(`${url}/metrics has no ${name}`);
    return Math.round(Number(bytes) / 2 ** 20);
  };
  return { rssMiB: mib('process_resident_memory_bytes'), heapMiB: mib('nodejs_heap_size_used_bytes') };
}

async function get<Body>(url: string): Promise<Body> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Body;
}

async function someAtOnce(ids: readonly string[], work: (id: string) => Promise<void>): Promise<void> {
  for (let start = 0; start < ids.length; start += AT_ONCE) {
    await Promise.all(ids.slice(start, start + AT_ONCE).map(work));
  }
}
