/** A ledger with a worker on the time-skipping server: timers of days pass at once, the log is a real one. */
import { randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { inject } from 'vitest';
import type { CommandOutcome, Commands } from '../../../api/commands/commands.ts';
import { createCommands } from '../../../api/temporal/runner.ts';
import type { HoldRecord, TransferRecord } from '../../../contracts/events.ts';
import { connectToNats } from '../../../eventlog/nats/connection.ts';
import type { EventReader } from '../../../eventlog/read/event-reader.ts';
import { createEventReader } from '../../../eventlog/read/reader.ts';
import type { CommandRequest } from '../../../messages/commands.ts';
import { holdFrom, transferFrom } from '../../../messages/mapping/resources.ts';
import { appenderMetrics } from '../../../metrics/appender-metrics.ts';
import { createMetrics } from '../../../metrics/registry.ts';
import { startWorker, type WorkerOptions } from '../../../worker/worker.ts';

export type SkippingLedger = {
  readonly ledger: string;
  /** Waiting for a result with it lets time pass until there is one. */
  readonly client: Client;
  readonly commands: Commands;
  /** Carries a command out and waits for its outcome. */
  readonly ask: (request: CommandRequest) => Promise<CommandOutcome>;
  /** The status and the reason that a transfer or a hold has by its last event. */
  readonly now: (aggregate: 'transfer' | 'hold', id: string) => Promise<{ status: string; reason?: string }>;
  /** What an account has: posted, held and available. */
  readonly balances: (account: string) => Promise<string[]>;
  readonly reader: EventReader;
  /** Lets time pass, RFC 3339 durations as Temporal has them: "2 hours". */
  readonly sleep: (duration: string) => Promise<void>;
  readonly close: () => Promise<void>;
};

/**
 * Starts the server, and a worker for a ledger of its own.
 * @param payments the payment rails that it speaks to, if any
 */
export async function openSkippingLedger(payments?: WorkerOptions['payments']): Promise<SkippingLedger> {
  const { temporalTestServer, natsUrl, workflowBundle } = inject('servers');
  const environment = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: temporalTestServer } },
  });
  const ledger = `s-${randomUUID().slice(0, 8)}`;
  const nc = await connectToNats(natsUrl, 'test');
  const worker = await startWorker({
    connection: environment.nativeConnection,
    nc,
    namespace: 'default',
    ledger,
    streamReplicas: 1,
    queueMax: 1_000,
    observer: appenderMetrics(createMetrics()),
    workflowBundle: { codePath: workflowBundle },
    ...(payments ? { payments } : {}),
  });
  // Time stands still while these wait for their outcomes.
  const commands = createCommands(new Client({ connection: environment.connection }));
  const reader = createEventReader(nc, ledger);
  return {
    ledger,
    client: environment.client,
    commands,
    reader,
    ask: (request) => commands.carryOut(request, { wait: true }),
    async now(aggregate, id) {
      const last = await reader.last({ aggregate, id });
      const { status, reason } =
        aggregate === 'transfer' ? transferFrom(last as TransferRecord) : holdFrom(last as HoldRecord);
      return reason === undefined ? { status } : { status, reason };
    },
    async balances(account) {
      const last = await reader.lastOf(account);
      const { posted = '', held = '', available = '' } = last?.data.balances ?? {};
      return [posted, held, available];
    },
    sleep: (duration) => environment.sleep(duration),
    async close() {
      await worker.close();
      await nc.close();
      await environment.teardown();
    },
  };
}

/** A time in the future, RFC 3339. */
export function inHours(hours: number): string {
  return new Date(Date.now() + hours * 3_600_000).toISOString();
}
