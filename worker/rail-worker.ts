/**
 * The part of the worker that speaks to payment rails, on a task queue of its own. The ledger's worker has only local
 * activities and does not ask the server for others, and it need not begin to for the few payments among its commands.
 * It runs only where rails are configured, and loads no workflows.
 */
import { Worker, type NativeConnection } from '@temporalio/worker';
import { createRailActivities, type RailDependencies } from '../activities/rails.ts';
import { RAIL_TASK_QUEUE } from '../messages/workflow-ids.ts';

export type RailWorkerOptions = RailDependencies & {
  readonly connection: NativeConnection;
  readonly namespace: string;
};

/** Makes the worker; undefined if there is no rail to speak to. */
export async function createRailWorker(options: RailWorkerOptions): Promise<Worker | undefined> {
  const { connection, namespace, ...dependencies } = options;
  if (dependencies.rails.size === 0) return undefined;
  return Worker.create({
    connection,
    namespace,
    taskQueue: RAIL_TASK_QUEUE,
    activities: createRailActivities(dependencies),
    maxConcurrentActivityTaskExecutions: 100,
    // Each is a request that waits at the server for work.
    maxConcurrentActivityTaskPolls: 2,
    // A rail that has not answered by then is asked again by another worker, or after the restart.
    shutdownGraceTime: '11 seconds',
  });
}
