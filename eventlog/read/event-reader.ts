/** What readers may ask of the log. `eventlog/read/reader.ts` answers from JetStream. */
import type { AccountRecord, RecordedEvent, RecordOf } from '../../contracts/events.ts';
import type { Aggregate, AggregateRef } from '../../contracts/subjects.ts';
import type { StoredMessage } from '../wire/codec.ts';

export type EventFilter = {
  /** Events of one account. */
  readonly account?: string | undefined;
  /** Events of one CloudEvents type, such as `ledger.MoneyDeposited.v1`. */
  readonly type?: string | undefined;
};

/** Which events, and from where to where. */
export type EventQuery = {
  /** Those of one aggregate. */
  readonly aggregate?: AggregateRef | undefined;
  /** Those of one CloudEvents type. */
  readonly type?: string | undefined;
  /** Only what comes after this position; from the beginning if it is not given. */
  readonly after?: number | undefined;
  /** Up to this position and with it; if it is not given, up to what is last when the reading begins. */
  readonly to?: number | undefined;
};

/** A position in the log, or a time (RFC 3339). */
export type At = { readonly position: number } | { readonly time: string };

export type EventReader = {
  /** Published events after a position in log order, at most `limit` (up to 500). */
  readonly read: (after: number, limit: number, filter?: EventFilter) => Promise<RecordedEvent[]>;
  /**
   * The position of the first published event after a position; undefined if there is none. The leader of the log
   * answers.
   */
  readonly nextPosition: (after: number, filter?: EventFilter) => Promise<number | undefined>;
  /** The first event of an aggregate. */
  readonly first: <A extends Aggregate>(ref: AggregateRef<A>) => Promise<RecordOf<A> | undefined>;
  /** The last event of an aggregate: it carries the state after it. */
  readonly last: <A extends Aggregate>(ref: AggregateRef<A>) => Promise<RecordOf<A> | undefined>;
  /**
   * Events in log order, in bulk: arrays of up to 1,000. No more is asked of the log than the caller takes. Without an
   * aggregate or a type it is everything that is stored, receipts of account commands included.
   */
  readonly events: (query?: EventQuery) => AsyncIterable<readonly RecordedEvent[]>;
  /** The same, as it is stored: to check it, or to copy it. */
  readonly messages: (query?: EventQuery) => AsyncIterable<readonly StoredMessage[]>;
  /**
   * The last event of an account up to a position or a time, with that time included; it carries the state after it.
   * Undefined if nothing had happened to the account by then.
   */
  readonly lastOf: (account: string, at?: At) => Promise<AccountRecord | undefined>;
  /** The position of the last event in the log; 0 if it is empty. */
  readonly lastPosition: () => Promise<number>;
  /**
   * The same, if the log has lost nothing.
   * @throws LogDamaged if it has
   */
  readonly verifiedEnd: () => Promise<number>;
  /**
   * Every stored event after a position, in order, as they come, until the signal aborts. Each array ends where an
   * atomic batch ends, so that applying whole arrays never shows half a transfer; it holds at most 1,000 events
   * (a batch has no more). A message that cannot be read ends it with an error, or `unreadable` says what stands for it.
   */
  readonly follow: <Other = never>(
    after: number,
    signal: AbortSignal,
    unreadable?: (message: StoredMessage, error: unknown) => Other,
  ) => AsyncIterable<readonly (RecordedEvent | Other)[]>;
};
