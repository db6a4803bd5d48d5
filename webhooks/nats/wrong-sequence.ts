import { JetStreamApiError } from '@nats-io/jetstream';

const WRONG_LAST_SEQUENCE = [10_071, 10_164];

/** True if the server refused to write over what it did not expect to be there. */
export function isWrongSequence(error: unknown): boolean {
  return error instanceof JetStreamApiError && WRONG_LAST_SEQUENCE.includes(error.code);
}
