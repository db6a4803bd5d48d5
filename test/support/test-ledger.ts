/** A ledger of its own for a test, on the real nats-server that the run started. */
import { randomUUID } from 'node:crypto';
import type { NatsConnection } from '@nats-io/transport-node';
import { inject } from 'vitest';
import type { AccountRequest, TransferRequest } from '../../contracts/commands.ts';
import { createAppender, type AppenderOptions } from '../../eventlog/appender.ts';
import type { Outcome } from '../../eventlog/outcome.ts';
import { connectToNats } from '../../eventlog/connection.ts';
import type { EventReader } from '../../eventlog/event-reader.ts';
import { createEventReader } from '../../eventlog/reader.ts';
import { openLog } from '../../eventlog/stream.ts';
import type { RecordedEvent } from '../../contracts/events.ts';

/** A request to create an account; `overrides` change what the test is about. */
export function createAccount(id: string, overrides: Partial<AccountRequest> = {}): AccountRequest {
  return {
    type: 'account.create',
    id,
    owner: id,
    currency: 'EUR',
    overdraft_limit: '0',
    command_id: randomUUID(),
    fingerprint: randomUUID(),
    requested_at: '2026-01-01T00:00:00.000Z',
    actor: 'test',
    ...overrides,
  };
}

/** A request to move money; the same id is the same request. */
export function moveMoney(
  id: string,
  terms: Pick<TransferRequest, 'source' | 'destination' | 'amount'>,
  overrides: Partial<TransferRequest> = {},
): TransferRequest {
  return {
    type: 'transfer',
    kind: 'transfer',
    id,
    currency: 'EUR',
    command_id: id,
    fingerprint: `fingerprint of ${id}`,
    idempotency_key: `key of ${id}`,
    requested_at: '2026-01-01T00:00:00.000Z',
    actor: 'test',
    ...terms,
    ...overrides,
  };
}

/** One process's hands on the ledger. */
export type Hand = {
  readonly nc: NatsConnection;
  readonly reader: EventReader;
  readonly submit: (request: AccountRequest | TransferRequest) => Promise<Outcome>;
};

export type TestLedger = Hand & {
  readonly ledger: string;
  /** Another appender on the same ledger, with a connection of its own. */
  readonly join: (options?: Partial<AppenderOptions> & { url?: string }) => Promise<Hand>;
  /** Every event of the log, in order. */
  readonly allEvents: () => Promise<RecordedEvent[]>;
  readonly close: () => Promise<void>;
};

/** Creates a ledger with a random name. */
export async function openTestLedger(): Promise<TestLedger> {
  const ledger = `t-${randomUUID().slice(0, 8)}`;
  const hands: Hand[] = [];
  const join: TestLedger['join'] = async ({ url, ...options } = {}) => {
    const nc = await connectToNats(url ?? inject('servers').natsUrl, 'test');
    await openLog(nc, { ledger, replicas: 1 });
    const reader = createEventReader(nc, ledger);
    const appender = createAppender(nc, reader, { ledger, clock: () => new Date(), ...options });
    const submit: Hand['submit'] = (request) =>
      appender.submit({
        request,
        workflowId: `${request.type === 'transfer' ? 'transfer' : 'account'}/${request.id}`,
      });
    const hand = { nc, reader, submit };
    hands.push(hand);
    return hand;
  };
  const first = await join();
  return {
    ...first,
    ledger,
    join,
    async allEvents() {
      const last = await first.reader.lastPosition();
      if (last === 0) return [];
      const events: RecordedEvent[] = [];
      const stop = new AbortController();
      for await (const some of first.reader.follow(0, stop.signal)) {
        events.push(...some);
        if ((events.at(-1)?.position ?? 0) >= last) break;
      }
      return events;
    },
    async close() {
      await Promise.all(hands.map(({ nc }) => nc.close()));
    },
  };
}
