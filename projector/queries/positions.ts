/**
 * Waits until the read model has reached a position. Whoever waits is woken when the projector tells its position on
 * NATS; the database is asked once when a wait begins, and slowly while anyone waits, in case a message was lost.
 */

const POLL_MS = 250;

export type PositionWaiter = {
  /** The projector has told that the read model is at this position. */
  readonly advance: (position: number) => void;
  /** The database may have lost what it has said: it is asked again. */
  readonly forget: () => void;
  /**
   * True as soon as the read model has reached the position, false if it has not within the time.
   * Throws what `ask` throws if the first question fails.
   */
  readonly waitFor: (position: number, timeoutMs: number) => Promise<boolean>;
};

type Wait = { readonly position: number; readonly reached: () => void };

/** @param ask gives the position of the read model from the database; all who wait share the question */
export function createPositionWaiter(ask: () => Promise<number>): PositionWaiter {
  const waits = new Set<Wait>();
  let known = 0;
  let asking: Promise<void> | undefined;
  let polling: NodeJS.Timeout | undefined;

  function advance(position: number): void {
    if (position <= known) return;
    known = position;
    for (const wait of waits) if (wait.position <= known) wait.reached();
  }

  async function askOnce(): Promise<void> {
    asking ??= ask()
      .then(advance)
      .finally(() => (asking = undefined));
    return asking;
  }

  function add(wait: Wait): void {
    waits.add(wait);
    // A question that fails is asked again by the next tick; who waits learns of it by the time running out.
    polling ??= setInterval(() => void askOnce().catch(() => {}), POLL_MS);
  }

  function remove(wait: Wait): void {
    waits.delete(wait);
    if (waits.size > 0) return;
    clearInterval(polling);
    polling = undefined;
  }

  async function waitFor(position: number, timeoutMs: number): Promise<boolean> {
    if (position <= known) return true;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(() => resolve(false)), timeoutMs);
      const wait: Wait = { position, reached: () => settle(() => resolve(true)) };
      function settle(respond: () => void): void {
        clearTimeout(timer);
        remove(wait);
        respond();
      }
      add(wait);
      askOnce().catch((error: unknown) => settle(() => reject(error)));
    });
  }

  return {
    advance,
    forget() {
      known = 0;
    },
    waitFor,
  };
}
