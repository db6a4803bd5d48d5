/**
 * Commands that arrive while others are on their way share the next workflow. Alone, a command has its own: so a batch
 * grows with the load, and nobody waits for company.
 */
import type { CommandRequest } from '../../messages/commands.ts';
import type { CommandOutcome } from '../commands/commands.ts';

export type CoalescingLimits = {
  /** Workflows under way before the next commands gather. */
  readonly inFlightMax: number;
  /** Commands in one workflow. */
  readonly countMax: number;
  /** Bytes of their JSON; one command is taken however large it is. */
  readonly bytesMax: number;
  /** Commands that may gather; one more is overloaded. */
  readonly queueMax: number;
  /**
   * What has been under way for so long, and several times as long as others took lately, holds nobody up any more: it
   * may wait for something of its own. Where all are slow, more at once would make them slower.
   */
  readonly slowMs: number;
  /** How long a command may take in all, gathering included. */
  readonly patienceMs: number;
};

/** Both are to be done at a deadline, by `Date.now()`. */
export type CommandRunner = {
  readonly runOne: (request: CommandRequest, deadline: number) => Promise<CommandOutcome>;
  /** One outcome, or one error, for each request, in order. */
  readonly runBatch: (
    requests: readonly CommandRequest[],
    deadline: number,
  ) => Promise<readonly PromiseSettledResult<CommandOutcome>[]>;
};

type PendingCommand = {
  readonly request: CommandRequest;
  readonly deadline: number;
  readonly resolve: (outcome: CommandOutcome) => void;
  readonly reject: (error: unknown) => void;
};

/** One that gathers. */
type QueuedCommand = PendingCommand & { readonly bytes: number };

/** Slow is what takes this many times as long as the quickest of the last few. */
const SLOW_TIMES = 4;
const LAST_FEW = 4;

/** A way to carry commands out, together when they are many. */
export function createCoalescer(
  { runOne, runBatch }: CommandRunner,
  { inFlightMax, countMax, bytesMax, queueMax, patienceMs, slowMs }: CoalescingLimits,
): (request: CommandRequest) => Promise<CommandOutcome> {
  /** In the order of their deadlines. */
  const queue: QueuedCommand[] = [];
  let inFlight = 0;
  /** How long the last few took, in milliseconds. */
  const took: number[] = [];
  let givingUp: NodeJS.Timeout | undefined;

  async function run(batch: readonly PendingCommand[]): Promise<void> {
    const [first] = batch;
    if (first && batch.length === 1) {
      await runOne(first.request, first.deadline).then(first.resolve, first.reject);
      return;
    }
    try {
      const deadline = Math.min(...batch.map((pending) => pending.deadline));
      const settled = await runBatch(
        batch.map(({ request }) => request),
        deadline,
      );
      for (const [index, pending] of batch.entries()) {
        const one = settled[index];
        if (one?.status === 'fulfilled') pending.resolve(one.value);
        else pending.reject(one ? one.reason : new Error('Each command has an outcome'));
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  /** What gathered first, as much as one workflow takes. */
  function take(): QueuedCommand[] {
    let bytes = 0;
    const end = queue.findIndex((queued, index) => {
      bytes += queued.bytes;
      return index === countMax || (index > 0 && bytes > bytesMax);
    });
    return queue.splice(0, end < 0 ? queue.length : end);
  }

  function begin(batch: readonly PendingCommand[]): void {
    inFlight += 1;
    let counted = true;
    const free = () => {
      if (!counted) return;
      counted = false;
      inFlight -= 1;
      pump();
    };
    const since = performance.now();
    const slow = setTimeout(free, Math.max(slowMs, took.length === 0 ? 0 : SLOW_TIMES * Math.min(...took)));
    void run(batch).finally(() => {
      clearTimeout(slow);
      took.push(performance.now() - since);
      if (took.length > LAST_FEW) took.shift();
      free();
    });
  }

  function pump(): void {
    while (inFlight < inFlightMax && queue.length > 0) begin(take());
  }

  function enqueue(pending: PendingCommand): void {
    queue.push({ ...pending, bytes: JSON.stringify(pending.request).length });
    givingUp ??= giveUpLater(patienceMs);
  }

  /** What is under way may take all the time that a command has that waits behind it. */
  function giveUpLater(afterMs: number): NodeJS.Timeout {
    const giveUp = () => {
      const now = Date.now();
      const left = queue.findIndex(({ deadline }) => deadline > now);
      for (const { resolve } of queue.splice(0, left < 0 ? queue.length : left)) {
        const detail = 'The command was not accepted in time and had no effect. Send the same request again.';
        resolve({ type: 'unavailable', code: 'dependency_unavailable', detail });
      }
      const [next] = queue;
      givingUp = next && giveUpLater(next.deadline - now);
    };
    return setTimeout(giveUp, afterMs).unref();
  }

  return (request) => {
    if (queue.length >= queueMax) {
      const detail = `${queueMax} commands are already waiting.`;
      return Promise.resolve({ type: 'unavailable', code: 'overloaded', detail });
    }
    return new Promise((resolve, reject) => {
      const pending = { request, deadline: Date.now() + patienceMs, resolve, reject };
      // While there is room nobody gathers.
      if (inFlight < inFlightMax) begin([pending]);
      else enqueue(pending);
    });
  };
}
