/** The worker: carries out the workflows and their activities, and holds the appender. */
import type { NatsConnection } from '@nats-io/transport-node';
import { Worker, type NativeConnection, type WorkflowBundleOption } from '@temporalio/worker';
import { createActivities } from '../activities/index.ts';
import { paceOf, RAIL_DEFAULTS, type RailSettings } from '../activities/rails.ts';
import { createBulkStore, openBulkStream } from '../bulks/store.ts';
import { observed, type AppenderObserver } from '../eventlog/append/appender-observer.ts';
import { openReaderGate } from '../eventlog/nats/reader-gate.ts';
import { openLog } from '../eventlog/nats/stream.ts';
import { createEventReader } from '../eventlog/read/reader.ts';
import { openActiveAppender } from '../eventlog/writer/active-appender.ts';
import type { LocalOutcomes } from '../messages/local-outcomes.ts';
import { TASK_QUEUE } from '../messages/workflow-ids.ts';
import type { Rail } from '../rails/rail.ts';
import { createRailWorker } from './rail-worker.ts';
import { registerSearchAttributes } from './search-attributes.ts';
import { bundleWorkflows } from './workflow-bundle.ts';

export type WorkerOptions = {
  readonly connection: NativeConnection;
  readonly nc: NatsConnection;
  readonly namespace: string;
  readonly ledger: string;
  readonly streamReplicas: number;
  /** Commands that may wait in the appender. */
  readonly queueMax: number;
  /** Told of what the appender does. */
  readonly observer: AppenderObserver;
  /** Given if requests wait in the same process. */
  readonly localOutcomes?: LocalOutcomes;
  /** The payment rails that this worker speaks to; without them it leaves that to others. */
  readonly payments?: RailSettings & { readonly rails: ReadonlyMap<string, Rail> };
  /** The workflows, if they have been bundled before; otherwise that is done at the start. */
  readonly workflowBundle?: WorkflowBundleOption;
};

export type RunningWorker = {
  /** What a person should know of the log. */
  readonly warnings: readonly string[];
  /** Rejects if the worker dies. */
  readonly stopped: Promise<void>;
  /** Takes no new work, finishes what it has, and resolves. */
  readonly close: () => Promise<void>;
};

const clock = () => new Date();

/** Opens the log, registers the search attributes and starts to work. */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { connection, nc, namespace, ledger, streamReplicas, queueMax, observer } = options;
  const payments = options.payments ?? { ...RAIL_DEFAULTS, rails: new Map<string, Rail>() };
  const bundling = options.workflowBundle ? Promise.resolve(options.workflowBundle) : bundleWorkflows();
  // It is awaited below; if opening the log fails before, that is what is told.
  bundling.catch(() => {});
  const { warnings } = await openLog(nc, { ledger, replicas: streamReplicas });
  await openBulkStream(nc, streamReplicas);
  await registerSearchAttributes(connection, namespace);
  const reader = createEventReader(nc, ledger);
  const ownAppender = await openActiveAppender(nc, reader, {
    ledger,
    replicas: streamReplicas,
    clock,
    queueMax,
    observer,
  });
  const appender = observed(ownAppender, observer, queueMax);
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue: TASK_QUEUE,
    workflowBundle: await bundling,
    activities: createActivities({
      appender,
      reader,
      clock,
      localOutcomes: options.localOutcomes,
      bulks: createBulkStore(nc, ledger),
      railPace: paceOf(payments),
    }),
    // Every activity of this queue is a local one: nobody need ask the server for others.
    enableNonLocalActivities: false,
    maxConcurrentWorkflowTaskExecutions: 200,
    maxConcurrentLocalActivityExecutions: 500,
    // Longer than any activity, so that a shutdown never makes one wait for its retry.
    shutdownGraceTime: '13 seconds',
  });
  const railWorker = await createRailWorker({ connection, namespace, ...payments });
  const readerGate = openReaderGate(nc);
  const workers = railWorker ? [worker, railWorker] : [worker];
  // If one of them dies, that is told; the process ends then, and with it the other.
  const stopped = runAll(workers);
  return {
    warnings,
    stopped,
    async close() {
      for (const one of workers) if (one.getState() === 'RUNNING') one.shutdown();
      await stopped;
      await appender.close();
      readerGate.close();
    },
  };
}

async function runAll(workers: readonly Worker[]): Promise<void> {
  await Promise.all(workers.map((one) => one.run()));
}
