/** A ledger whose bulks are asked for over HTTP and carried out by workflows; and what the log says of one. */
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { NatsConnection } from '@nats-io/transport-node';
import { createBulkWorkflows } from '../../../api/temporal/bulks.ts';
import { createBulkStore } from '../../../bulks/store.ts';
import type { BulkOutcome, BulkResource } from '../../../contracts/bulks.ts';
import type { RecordedEvent } from '../../../contracts/events.ts';
import { post, testApp } from '../../api/fixtures/fixtures.ts';

export type Line = {
  readonly id?: string;
  readonly source: string;
  readonly destination: string;
  readonly amount: string;
  readonly currency: string;
};

export type BulkClient = ReturnType<typeof bulkClient>;

/** Asks for bulks as a client over HTTP does. */
export function bulkClient(
  { client, nc }: { client: Client; nc: NatsConnection },
  ledger: string,
  eager = false,
) {
  const store = createBulkStore(nc, ledger);
  const bulks = { store, workflows: createBulkWorkflows(client, eager) };
  const { app } = testApp({ ledger, bulks, clock: () => new Date() });
  const read = async <Body>(path: string) =>
    (await (await app.request(`/v1/bulk-transfers/${path}`)).json()) as Body;
  const bulk = (id: string) => read<BulkResource>(id);
  return {
    store,
    bulk,
    send: (transfers: readonly Line[], key: string = randomUUID()) =>
      app.request('/v1/bulk-transfers', post({ transfers }, { 'idempotency-key': key })),
    /** Waits until all lines are done; gives what it saw on the way. */
    async completed(id: string, timeoutMs = 60_000): Promise<BulkResource[]> {
      const seen: BulkResource[] = [];
      for (const deadline = Date.now() + timeoutMs; Date.now() < deadline;) {
        const now = await bulk(id);
        seen.push(now);
        if (now.status === 'completed') return seen;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      throw new Error(`Bulk ${id} is not completed: ${JSON.stringify(seen.at(-1))}`);
    },
    /** All outcomes, page by page. */
    async outcomes(id: string, limit = 500): Promise<BulkOutcome[]> {
      const found: BulkOutcome[] = [];
      for (let cursor = ''; ;) {
        type Page = { data: BulkOutcome[]; next_cursor: string | null };
        const page = await read<Page>(`${id}/results?limit=${limit}${cursor}`);
        found.push(...page.data);
        if (page.next_cursor === null) return found;
        cursor = `&cursor=${page.next_cursor}`;
      }
    },
  };
}

/** What the log says of a bulk: how often each of its transfers ended in which way, and what accounts have. */
export function outcomesOf(events: readonly RecordedEvent[], bulk: string) {
  const ends = new Map<string, string[]>();
  const posted = new Map<string, bigint>();
  for (const event of events) {
    const { name, aggregate, aggregateId: id, data } = event;
    if (aggregate === 'transfer' && 'bulk' in data && data.bulk === bulk) {
      ends.set(id, [...(ends.get(id) ?? []), name]);
    }
    if (aggregate === 'account' && 'balances' in data) posted.set(id, BigInt(data.balances.posted));
  }
  const sum = [...posted.values()].reduce((all, one) => all + one, 0n);
  return { ends, posted, sum };
}
