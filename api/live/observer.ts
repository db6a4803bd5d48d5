/** Told of what the live stream does: to measure it. */

/** Why a client's stream was ended: it was too far behind the log, or had taken nothing for two heartbeats. */
export const DROPPED = ['behind', 'stalled'] as const;

export type LiveObserver = {
  /** Told once: how many clients there are can be asked at any time. */
  readonly began: (clients: () => number) => void;
  /** A stream was ended because its client reads too slowly. */
  readonly dropped: (why: (typeof DROPPED)[number]) => void;
};
