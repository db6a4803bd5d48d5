/**
 * Who is the ledger's active writer: the holder of a key with a time to live in a NATS key-value bucket. It is only for
 * speed. Two processes that both take themselves for the active writer are still correct: the log's guards see to that.
 */
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { writerLease } from '../../contracts/subjects.ts';
import { isWrongSequence } from '../error-codes.ts';
import { openPatiently } from '../nats/retry.ts';
import { RESPONSE_MS, openBucket, TTL_MS } from './writers-bucket.ts';

export type Lease = {
  /** True while nobody else can hold it, by this process's own clock. */
  readonly held: () => boolean;
  /** Who holds it, as far as this process has heard lately. */
  readonly holder: () => string | undefined;
  /** True if the bucket has not answered for a while, and no holder was heard of. */
  readonly unreachable: () => boolean;
  /** Tells that the holder's connection is gone, so that nobody need wait until its time is over. */
  readonly reportGone: (holder: string) => void;
  /** Gives it up, so that another can take it at once. */
  readonly close: () => Promise<void>;
};

export type LeaseOptions = {
  readonly ledger: string;
  readonly replicas: number;
  /** Names this process among the writers; one token of a subject. */
  readonly id: string;
  /** Told, in one line, if the bucket cannot be opened at once. */
  readonly tell?: ((line: string) => void) | undefined;
  /** Called when this process begins to hold it. Others may have written since it last did. */
  readonly onAcquired: () => void;
  /** Called when another process, or nobody, holds it. */
  readonly onChange: () => void;
};

/** A holder stops before the server lets another take over. Three of its renewals may fail. */
const HELD_MS = 900;
const RENEW_MS = 250;
const RETRY_MS = 50;
const UNREACHABLE_MS = 1_000;

/**
 * Begins to try for the lease; resolves after the first try.
 * @throws Error if there is a bucket of that name with other settings.
 */
export async function openLease(nc: NatsConnection, options: LeaseOptions): Promise<Lease> {
  const { ledger, id, tell, onAcquired, onChange } = options;
  const { key, repeated } = writerLease(ledger);
  let kv = await openPatiently(nc, { what: 'the bucket of the lease', tell }, () => openBucket(nc, options));
  /** Of the entry that makes this process the holder. */
  let revision: number | undefined;
  let heldUntil = 0;
  let observed: { holder: string | undefined; revision: number; until: number } = {
    holder: undefined,
    revision: 0,
    until: 0,
  };
  let failingSince: number | undefined;
  let reportedGone: string | undefined;
  const stop = new AbortController();
  let wake = ignore;

  const held = () => performance.now() < heldUntil;

  function observe(holder: string | undefined, at: number): void {
    if (revision !== undefined && at < revision) return;
    const before = observed.holder;
    observed = { holder, revision: at, until: holder === undefined ? 0 : performance.now() + TTL_MS };
    failingSince = undefined;
    if (holder !== id) lose();
    if (holder !== before && holder !== id) onChange();
    if (holder === undefined) wake();
  }

  function lose(): void {
    revision = undefined;
    heldUntil = 0;
  }

  function hold(next: number, requestedAt: number): void {
    const before = held();
    revision = next;
    heldUntil = requestedAt + HELD_MS;
    observe(id, next);
    if (!before && held()) onAcquired();
  }

  /** One step: renews, or tries to take what nobody holds. Gives the time to the next one. */
  async function step(): Promise<number> {
    const requestedAt = performance.now();
    try {
      if (revision !== undefined) {
        hold(await kv.update(key, id, revision, RESPONSE_MS), requestedAt);
      } else if (observed.until <= requestedAt) {
        hold(await kv.create(key, id), requestedAt);
      } else if (reportedGone !== undefined && reportedGone === observed.holder) {
        // Refused by the server if the holder has renewed it meanwhile.
        hold(await kv.update(key, id, observed.revision, RESPONSE_MS), requestedAt);
      } else {
        return observed.until - requestedAt;
      }
      return RENEW_MS;
    } catch (error) {
      await recover(error);
      return RETRY_MS;
    } finally {
      reportedGone = undefined;
    }
  }

  async function recover(error: unknown): Promise<void> {
    if (nc.isClosed()) return;
    try {
      if (isWrongSequence(error)) return await read();
      failingSince ??= performance.now();
      // It lives in memory: a server that was started again does not have it.
      kv = await openBucket(nc, options);
    } catch {
      failingSince ??= performance.now();
    }
  }

  /** The key is another's, or this process's own by a request whose answer got lost, or it is gone. */
  async function read(): Promise<void> {
    lose();
    const entry = await kv.get(key);
    failingSince = undefined;
    if (entry?.operation !== 'PUT') return;
    // It counts as held from the next renewal on. An entry that was heard of before is about to expire.
    if (entry.string() === id) revision = entry.revision;
    else if (entry.revision !== observed.revision) observe(entry.string(), entry.revision);
  }

  async function keep(first: number): Promise<void> {
    let pause = first;
    while (!stop.signal.aborted && !nc.isClosed()) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pause);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      if (!stop.signal.aborted) pause = await step();
    }
  }

  const subscription = nc.subscribe(repeated, {
    callback: (error, message) => {
      if (!error) observe(holderIn(message), Number(message.headers?.get('Nats-Sequence')));
    },
  });
  const keeping = keep(await step());
  return {
    held,
    holder: () => (performance.now() < observed.until ? observed.holder : undefined),
    unreachable: () => failingSince !== undefined && performance.now() - failingSince > UNREACHABLE_MS,
    reportGone(holder) {
      reportedGone = holder;
      wake();
    },
    async close() {
      stop.abort();
      wake();
      await keeping;
      if (nc.isClosed()) return;
      subscription.unsubscribe();
      heldUntil = 0;
      // What cannot be deleted now goes by itself.
      if (revision !== undefined) await kv.delete(key, { previousSeq: revision }).catch(() => {});
    },
  };
}

function holderIn(message: Msg): string | undefined {
  return message.headers?.get('KV-Operation') ? undefined : message.string();
}

function ignore(): void {}
