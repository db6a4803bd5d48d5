/** What the HTTP interface needs; `api/main.ts` builds it from real servers, tests from their own. */
import type { Readiness } from '../contracts/http.ts';
import type { ProjectionResource } from '../contracts/projections.ts';
import type { EventReader } from '../eventlog/read/event-reader.ts';
import type { ProjectionName } from '../projector/projections/projection.ts';
import type { ReadStore } from '../projector/queries/read-store.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';
import type { Bulks } from './bulks/bulks.ts';
import type { Commands } from './commands/commands.ts';
import type { Schedules } from './commands/schedules.ts';
import type { ObservedRequest } from './http/request-metrics.ts';
import type { Live } from './live/live.ts';

/** The payment rails that there are, and what their callbacks are signed with. */
export type RailDirectory = { readonly names: readonly string[]; readonly secret: string };

export type ApiDependencies = {
  readonly ledger: string;
  /** Host and port of the NATS server that subscribers use. */
  readonly natsServer: string;
  readonly commands: Commands;
  readonly bulks: Bulks;
  readonly rails: RailDirectory;
  readonly schedules: Schedules;
  readonly webhooks: Webhooks;
  readonly readStore: ReadStore;
  readonly events: Pick<EventReader, 'read' | 'first' | 'lastOf'>;
  readonly live: Pick<Live, 'open'>;
  /** True as soon as a projection shows a position (all of them, if none is named), false if it does not in time. */
  readonly waitForPosition: (
    position: number,
    timeoutMs: number,
    projection?: ProjectionName,
  ) => Promise<boolean>;
  readonly readiness: () => Promise<Readiness>;
  readonly projections: () => Promise<ProjectionResource[]>;
  readonly metrics: {
    /** Told of every request that was answered. */
    readonly requested: (request: ObservedRequest) => void;
    /** All that is measured in this process. */
    readonly show: () => Promise<{ readonly contentType: string; readonly text: string }>;
  };
  readonly clock: () => Date;
  /** A new random id of letters, digits and dashes. */
  readonly newId: () => string;
};
