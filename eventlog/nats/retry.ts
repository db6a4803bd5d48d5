/** Tries again what a server cannot do at once: it was just started, or its cluster is choosing a leader. */
import { JetStreamApiError } from '@nats-io/jetstream';
import { NoRespondersError, TimeoutError, type NatsConnection } from '@nats-io/transport-node';
import { LogDamaged, LogUnavailable } from '../errors.ts';
import { ERROR_CODES } from '../error-codes.ts';

/** Longer than a cluster takes to choose a leader, and a client to leave a server that was cut off. */
const OPEN_PATIENCE_MS = 30_000;
const PAUSE_MS = 250;

/** What JetStream says that it may not say again a moment later. */
const NOT_READY: readonly number[] = [
  ERROR_CODES.NoSuitablePeers,
  ERROR_CODES.NotAvailable,
  ERROR_CODES.NotLeader,
  ERROR_CODES.NotEnoughPeersKnown,
  ERROR_CODES.StreamOffline,
];

export type Patience = {
  /** What is said if it does not succeed, before the reason: `NATS does not answer`. */
  readonly failure: string;
  readonly patienceMs: number;
  /** Whether the same may succeed a moment later. Every error may pass if this is not given. */
  readonly mayPass?: (error: unknown) => boolean;
  /** Told, in one line, when it does not succeed at once. */
  readonly tell?: (line: string) => void;
};

/**
 * Does the work until it succeeds.
 * @throws what the work throws, if that cannot pass; an Error with the reason when the patience is over
 */
export async function retryFor<Result>(
  { failure, patienceMs, mayPass = () => true, tell }: Patience,
  work: () => Promise<Result>,
): Promise<Result> {
  const deadline = performance.now() + patienceMs;
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!mayPass(error)) throw error;
      if (performance.now() > deadline) throw new Error(`${failure}: ${String(error)}`, { cause: error });
      if (tries === 1) tell?.(`${failure} (${String(error)}); trying for ${patienceMs / 1_000} s.`);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

export type Opening = {
  /** What is opened: `the log`. */
  readonly what: string;
  readonly tell?: ((line: string) => void) | undefined;
  readonly patienceMs?: number;
};

/**
 * Opens what JetStream keeps. Two processes that make a stream at the same time may both get no answer; a cluster that
 * has just been started, or has lost a server, has no leader for some seconds.
 */
export async function openPatiently<Opened>(
  nc: NatsConnection,
  { what, tell = console.error, patienceMs = OPEN_PATIENCE_MS }: Opening,
  open: () => Promise<Opened>,
): Promise<Opened> {
  const mayPass = (error: unknown) => isNotReady(nc, error);
  return await retryFor({ failure: `NATS does not open ${what}`, patienceMs, mayPass, tell }, open);
}

function isNotReady(nc: NatsConnection, error: unknown): boolean {
  if (nc.isClosed()) return false;
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof LogDamaged) return false;
    if (cause instanceof TimeoutError || cause instanceof LogUnavailable) return true;
    // A server without JetStream has nobody to answer for it either, but says so when one connects.
    if (cause instanceof NoRespondersError) return nc.info?.jetstream === true;
    if (cause instanceof JetStreamApiError) return NOT_READY.includes(cause.code);
  }
  return false;
}
