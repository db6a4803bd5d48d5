/** What the HTTP interface needs; `api/main.ts` builds it from real servers, tests from their own. */
import type { Readiness } from '../contracts/http.ts';
import type { ObservedRequest } from '../metrics/http-metrics.ts';
import type { EventReader } from '../eventlog/event-reader.ts';
import type { ReadStore } from '../projector/read-store.ts';
import type { Commands } from './commands.ts';

export type ApiDependencies = {
  readonly ledger: string;
  readonly commands: Commands;
  readonly readStore: ReadStore;
  readonly events: Pick<EventReader, 'read' | 'lastOf'>;
  /** True as soon as the read model shows a position, false if it does not in time. */
  readonly waitForPosition: (position: number, timeoutMs: number) => Promise<boolean>;
  readonly readiness: () => Promise<Readiness>;
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
