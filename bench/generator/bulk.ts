/** One bulk: how long from the request until all results are known. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Accounts, Measured } from '../task.ts';
import { transfers } from './operations.ts';

/** How often it is asked how far the bulk is. */
const POLL_MS = 20;

type Progress = { id: string; status: string; total: number; posted: number };

/** Sends it, waits until it is completed, and reads all results: each line must be posted. */
export async function oneBulk(
  url: string,
  { accounts, count }: { accounts: Accounts; count: number },
): Promise<Measured> {
  const next = transfers(accounts);
  const body = JSON.stringify({ transfers: Array.from({ length: count }, next) });
  const started = performance.now();
  const answer = await fetch(`${url}/v1/bulk-transfers`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    body,
  });
  if (answer.status !== 202) throw new Error(`A bulk was not taken on: ${await answer.text()}`);
  let bulk = (await answer.json()) as Progress;
  while (bulk.status === 'running') {
    await sleep(POLL_MS);
    bulk = (await (await fetch(`${url}/v1/bulk-transfers/${bulk.id}`)).json()) as Progress;
  }
  const elapsedMs = performance.now() - started;
  const failures: Record<string, number> = {};
  const outcomes = await outcomesOf(url, bulk.id);
  const lost = count - outcomes.filter((status) => status === 'posted').length;
  if (bulk.status !== 'completed' || lost > 0) failures[`lines not posted (bulk ${bulk.status})`] = lost;
  return {
    perSecond: count / (elapsedMs / 1_000),
    p50: elapsedMs,
    p99: elapsedMs,
    done: bulk.posted,
    failures,
  };
}

async function outcomesOf(url: string, id: string): Promise<string[]> {
  const outcomes: string[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const more: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const answer = await fetch(`${url}/v1/bulk-transfers/${id}/results?limit=500${more}`);
    const page = (await answer.json()) as { data: { status: string }[]; next_cursor: string | null };
    outcomes.push(...page.data.map(({ status }) => status));
    cursor = page.next_cursor;
  }
  return outcomes;
}
