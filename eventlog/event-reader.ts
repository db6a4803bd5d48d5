/** What readers may ask of the log. `eventlog/reader.ts` answers from JetStream. */
import type { RecordedEvent } from '../contracts/events.ts';
import type { AggregateRef } from '../contracts/subjects.ts';

export type EventFilter = {
  /** Events of one account. */
  readonly account?: string | undefined;
  /** Events of one CloudEvents type, such as `ledger.MoneyDeposited.v1`. */
  readonly type?: string | undefined;
};

export type EventReader = {
  /** Published events after a position in log order, at most `limit` (up to 500). */
  readonly read: (after: number, limit: number, filter?: EventFilter) => Promise<RecordedEvent[]>;
  /** The first event of an aggregate. */
  readonly first: (ref: AggregateRef) => Promise<RecordedEvent | undefined>;
  /** The position of the last event in the log; 0 if it is empty. */
  readonly lastPosition: () => Promise<number>;
  /**
   * Every stored event after a position, in order, as they come, until the signal aborts. Each array ends where an
   * atomic batch ends, so that applying whole arrays never shows half a transfer; it holds at most 1,000 events
   * (a batch has no more).
   */
  readonly follow: (after: number, signal: AbortSignal) => AsyncIterable<readonly RecordedEvent[]>;
};
