/** Clients that write and at once read what they wrote: how long the read waits, and that it is never stale. */
import { randomUUID } from 'node:crypto';
import { quantiles } from '../report/quantiles.ts';
import type { Measured } from '../task.ts';

export type ReadYourWrites = {
  readonly url: string;
  /** One account for each client. */
  readonly accounts: readonly string[];
  readonly seconds: number;
};

/**
 * Each client deposits one, and reads its account with `min_position`. What is measured is the read. A balance without the
 * deposit is a failure, under `stale`.
 */
export async function readYourWrites({ url, accounts, seconds }: ReadYourWrites): Promise<Measured> {
  const latencies: number[] = [];
  const failures: Record<string, number> = {};
  const fail = (what: string | number) => void (failures[what] = (failures[what] ?? 0) + 1);
  const started = performance.now();
  const end = started + seconds * 1_000;
  const client = async (account: string) => {
    let due = BigInt((await balance(url, account, 1)).posted);
    while (performance.now() < end) {
      const written = await fetch(`${url}/v1/deposits`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
        body: JSON.stringify({ account, amount: '1', currency: 'EUR' }),
      });
      await written.arrayBuffer();
      if (written.status !== 201) {
        fail(written.status);
        continue;
      }
      due += 1n;
      const before = performance.now();
      const { posted } = await balance(url, account, Number(written.headers.get('ledger-position')));
      latencies.push(performance.now() - before);
      if (BigInt(posted) !== due) fail('stale');
    }
  };
  await Promise.all(accounts.map(client));
  const elapsed = (performance.now() - started) / 1_000;
  // What is counted as done are transfers between accounts.
  return { perSecond: latencies.length / elapsed, ...quantiles(latencies), done: 0, failures };
}

async function balance(url: string, account: string, position: number): Promise<{ posted: string }> {
  const answer = await fetch(`${url}/v1/accounts/${account}?min_position=${position}`);
  if (!answer.ok)
    throw new Error(`${account} at position ${position}: ${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { balances: { posted: string } }).balances;
}
