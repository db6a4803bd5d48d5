/** JetStream's error codes: by the names that its client exports, and those that it has no name for. */
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';

/** https://github.com/nats-io/nats-server/blob/main/server/errors.json */
export const ERROR_CODES = {
  ...JetStreamApiCodes,
  BadRequest: 10_003,
  /** Too few servers for the copies of a stream, yet. */
  NoSuitablePeers: 10_005,
  /** The cluster has no leader, yet. */
  NotAvailable: 10_008,
  NotLeader: 10_009,
  NotEnoughPeersKnown: 10_023,
  /** The stream's server is starting. */
  StreamOffline: 10_118,
} as const;

export type ErrorCode = (typeof ERROR_CODES)[keyof typeof ERROR_CODES];

/**
 * Two codes say that a guard did not hold: the server does not always tell which sequence it has instead.
 * A guarded subject that the same batch writes to gets the second one too.
 */
export const WRONG_LAST_SEQUENCE: readonly number[] = [
  ERROR_CODES.StreamWrongLastSequence,
  ERROR_CODES.StreamWrongLastSequenceUnknown,
];

/** True if JetStream answered with this code. */
export function hasErrorCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}

/** True if the server refused to write over what it did not expect to be there. */
export function isWrongSequence(error: unknown): boolean {
  return error instanceof JetStreamApiError && WRONG_LAST_SEQUENCE.includes(error.code);
}
