/** Whether everything that the API needs answers, and how far the read model is behind. */
import type { Client } from '@temporalio/client';
import type { EventReader } from '../eventlog/event-reader.ts';
import type { ReadStore } from '../projector/read-store.ts';
import type { Readiness } from '../contracts/http.ts';

/** How long a dependency may take to answer before it counts as away. */
const CHECK_TIMEOUT_MS = 2_000;

export type ReadinessSources = {
  readonly client: Client;
  readonly events: Pick<EventReader, 'lastPosition'>;
  readonly readStore: Pick<ReadStore, 'position'>;
};

/** Makes the check: every dependency is really asked, all at once. */
export function createReadiness({ client, events, readStore }: ReadinessSources): () => Promise<Readiness> {
  return async () => {
    const [temporal, nats, readModel] = await Promise.all([
      // Only a namespace that exists can take commands.
      check(client.workflowService.describeNamespace({ namespace: client.options.namespace })),
      check(events.lastPosition()),
      check(readStore.position()),
    ]);
    const lastPosition = nats.value ?? 0;
    const position = readModel.value ?? 0;
    return {
      ready: temporal.ok && nats.ok && readModel.ok,
      dependencies: {
        temporal: status(temporal),
        nats: status(nats),
        read_model: status(readModel),
      },
      projector: { position, last_position: lastPosition, lag_events: Math.max(0, lastPosition - position) },
    };
  };
}

type Check<Value> = { ok: boolean; value?: Value; detail?: string };

async function check<Value>(asked: Promise<Value>): Promise<Check<Value>> {
  const late = new Promise<never>((_, reject) =>
    setTimeout(() => reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`)), CHECK_TIMEOUT_MS).unref(),
  );
  return Promise.race([asked, late]).then(
    (value) => ({ ok: true, value }),
    (error: unknown) => ({ ok: false, detail: error instanceof Error ? error.message : String(error) }),
  );
}

function status({ ok, detail }: Check<unknown>): { ok: boolean; detail?: string } {
  return detail === undefined ? { ok } : { ok, detail };
}
