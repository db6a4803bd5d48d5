/**
 * Commands that arrive while others are on their way share the next workflow. Alone, a command has its own: so a batch
 * grows with the load, and nobody waits for company.
 */
import type { CommandRequest } from '../contracts/commands.ts';
import type { CommandOutcome } from './commands.ts';

export type CoalescingLimits = {
  /** Workflows under way before the next commands gather. */
  readonly inFlightMax: number;
  /** Commands in one workflow. */
  readonly countMax: number;
  /** Bytes of their JSON; one command is taken however large it is. */
  readonly bytesMax: number;
  /** Commands that may gather; one more is overloaded. */
  readonly queueMax: number;
  /** What has been under way for so long holds nobody up any more: it may wait for something of its own. */
  readonly slowMs: number;
  /** How long a command may take in all, gathering included. */
  readonly patienceMs: number;
};

/** Both are to be done at a deadline, by `Date.now()`. */
export type Carriers = {
  readonly alone: (request: CommandRequest, deadline: number) => Promise<CommandOutcome>;
  /** One outcome, or one error, for each request, in order. */
  readonly together: (
    requests: readonly CommandRequest[],
    deadline: number,
  ) => Promise<readonly PromiseSettledResult<CommandOutcome>[]>;
};

type Asked = {
  readonly request: CommandRequest;
  readonly deadline: number;
  readonly resolve: (outcome: CommandOutcome) => void;
  readonly reject: (error: unknown) => void;
};

/** One that gathers: its size, and what gives it up when its time is over. */
type Waiting = Asked & { readonly bytes: number; readonly timer: NodeJS.Timeout };

/** A way to carry commands out, together when they are many. */
export function createCoalescer(
  { alone, together }: Carriers,
  { inFlightMax, countMax, bytesMax, queueMax, patienceMs, slowMs }: CoalescingLimits,
): (request: CommandRequest) => Promise<CommandOutcome> {
  const queue: Waiting[] = [];
  let inFlight = 0;

  async function carry(batch: readonly Asked[]): Promise<void> {
    const [first] = batch;
    if (first && batch.length === 1) {
      await alone(first.request, first.deadline).then(first.resolve, first.reject);
      return;
    }
    try {
      const deadline = Math.min(...batch.map((asked) => asked.deadline));
      const settled = await together(
        batch.map(({ request }) => request),
        deadline,
      );
      for (const [index, asked] of batch.entries()) {
        const one = settled[index];
        if (one?.status === 'fulfilled') asked.resolve(one.value);
        else asked.reject(one ? one.reason : new Error('Each command has an outcome'));
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  /** What gathered first, as much as one workflow takes. */
  function take(): Waiting[] {
    let bytes = 0;
    const end = queue.findIndex((waiting, index) => {
      bytes += waiting.bytes;
      return index === countMax || (index > 0 && bytes > bytesMax);
    });
    const taken = queue.splice(0, end < 0 ? queue.length : end);
    for (const { timer } of taken) clearTimeout(timer);
    return taken;
  }

  function begin(batch: readonly Asked[]): void {
    inFlight += 1;
    let counted = true;
    const free = () => {
      if (!counted) return;
      counted = false;
      inFlight -= 1;
      pump();
    };
    const slow = setTimeout(free, slowMs);
    void carry(batch).finally(() => {
      clearTimeout(slow);
      free();
    });
  }

  function pump(): void {
    while (inFlight < inFlightMax && queue.length > 0) begin(take());
  }

  /** What is under way may take all the time that a command has that waits behind it. */
  function gather(asked: Asked): void {
    const timer = setTimeout(() => {
      queue.splice(queue.indexOf(waiting), 1);
      const detail = 'No outcome in time: nothing was done. The same request may be sent again.';
      asked.resolve({ type: 'unavailable', code: 'dependency_unavailable', detail });
    }, patienceMs);
    timer.unref();
    const waiting = { ...asked, bytes: JSON.stringify(asked.request).length, timer };
    queue.push(waiting);
  }

  return (request) => {
    if (queue.length >= queueMax) {
      const detail = `${queueMax} commands wait already.`;
      return Promise.resolve({ type: 'unavailable', code: 'overloaded', detail });
    }
    return new Promise((resolve, reject) => {
      const asked = { request, deadline: Date.now() + patienceMs, resolve, reject };
      // While there is room nobody gathers.
      if (inFlight < inFlightMax) begin([asked]);
      else gather(asked);
    });
  };
}
