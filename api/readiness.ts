/** Whether everything that the API needs answers, and how far the read model is behind. */
import type { Client } from '@temporalio/client';
import type { Readiness } from '../contracts/http.ts';
import type { ProjectionResource } from '../contracts/projections.ts';
import type { EventReader } from '../eventlog/read/event-reader.ts';
import { measureLag } from '../projector/queries/lag.ts';
import type { ReadStore } from '../projector/queries/read-store.ts';
import { withTimeLimit } from '../runtime/time-limit.ts';

/** How long a dependency may take to answer before it counts as away. */
const CHECK_TIMEOUT_MS = 2_000;

export type ReadinessSources = {
  readonly client: Client;
  readonly events: Pick<EventReader, 'lastPosition' | 'verifiedEnd' | 'read'>;
  readonly readStore: Pick<ReadStore, 'projections'>;
};

/** Makes the check: every dependency is really asked, all at once. */
export function createReadiness({ client, events, readStore }: ReadinessSources): () => Promise<Readiness> {
  return async () => {
    const statuses = readStore.projections();
    const [temporal, nats, readModel, behind] = await Promise.all([
      // Only a namespace that exists can take commands.
      check(client.workflowService.describeNamespace({ namespace: client.options.namespace })),
      check(events.verifiedEnd()),
      check(statuses),
      check(statuses.then((known) => logBehind(events, known))),
    ]);
    const projections = await measureLag(readModel.value ?? [], { log: events, last: nats.value });
    const lastPosition = nats.value ?? 0;
    const position = projections.length === 0 ? 0 : Math.min(...projections.map((each) => each.position));
    return {
      ready: temporal.ok && nats.ok && behind.value === undefined && readModel.ok,
      dependencies: {
        temporal: status(temporal),
        nats: status(behind.value ? { ok: false, detail: behind.value.why } : nats),
        read_model: status(readModel),
      },
      projector: {
        position,
        last_position: lastPosition,
        lag_events: Math.max(0, lastPosition - position),
        lag_seconds: longestLag(projections),
        projections,
      },
    };
  };
}

/**
 * How far the read model is, and what that says, if it is further than the log; undefined if it is not.
 * @param statuses of the projections. Only then the log is asked: it may grow meanwhile, and the read model follows it.
 * @throws Error if the log does not answer
 */
export async function logBehind(
  events: Pick<EventReader, 'lastPosition'>,
  statuses: readonly { readonly position: number }[],
): Promise<{ position: number; why: string } | undefined> {
  const position = Math.max(0, ...statuses.map((each) => each.position));
  const last = await events.lastPosition();
  if (position <= last) return undefined;
  const why = `The log ends at position ${last}, but the read model is at ${position}: the end of the log is missing.`;
  return { position, why };
}

/** How all projections stand, also when the log cannot be asked how far it is. */
export function createProjections({
  events,
  readStore,
}: Omit<ReadinessSources, 'client'>): () => Promise<ProjectionResource[]> {
  return async () => {
    const [statuses, { value: last }] = await Promise.all([
      readStore.projections(),
      check(events.lastPosition()),
    ]);
    return measureLag(statuses, { log: events, last });
  };
}

function longestLag(projections: readonly ProjectionResource[]): number | null {
  const known = projections.flatMap(({ lag_seconds }) => (lag_seconds === null ? [] : [lag_seconds]));
  return known.length === 0 || known.length < projections.length ? null : Math.max(...known);
}

type Check<Value> = { ok: boolean; value?: Value; detail?: string };

async function check<Value>(promise: Promise<Value>): Promise<Check<Value>> {
  const limited = withTimeLimit(promise, CHECK_TIMEOUT_MS, () => {
    throw new Error(`no response within ${CHECK_TIMEOUT_MS} ms`);
  });
  return limited.then(
    (value) => ({ ok: true, value }),
    (error: unknown) => ({ ok: false, detail: error instanceof Error ? error.message : String(error) }),
  );
}

function status({ ok, detail }: Check<unknown>): { ok: boolean; detail?: string } {
  return detail === undefined ? { ok } : { ok, detail };
}
