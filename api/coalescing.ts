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
};

export type Carriers = {
  readonly alone: (request: CommandRequest) => Promise<CommandOutcome>;
  /** One outcome, or one error, for each request, in order. */
  readonly together: (
    requests: readonly CommandRequest[],
  ) => Promise<readonly PromiseSettledResult<CommandOutcome>[]>;
};

type Waiting = {
  readonly request: CommandRequest;
  readonly bytes: number;
  readonly resolve: (outcome: CommandOutcome) => void;
  readonly reject: (error: unknown) => void;
};

/** A way to carry commands out, together when they are many. */
export function createCoalescer(
  { alone, together }: Carriers,
  { inFlightMax, countMax, bytesMax, queueMax }: CoalescingLimits,
): (request: CommandRequest) => Promise<CommandOutcome> {
  const queue: Waiting[] = [];
  let inFlight = 0;

  async function carry(batch: readonly Waiting[]): Promise<void> {
    const [first] = batch;
    if (first && batch.length === 1) {
      await alone(first.request).then(first.resolve, first.reject);
      return;
    }
    try {
      const settled = await together(batch.map(({ request }) => request));
      for (const [index, waiting] of batch.entries()) {
        const one = settled[index];
        if (one?.status === 'fulfilled') waiting.resolve(one.value);
        else waiting.reject(one ? one.reason : new Error('Each command has an outcome'));
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
    return queue.splice(0, end < 0 ? queue.length : end);
  }

  function pump(): void {
    while (inFlight < inFlightMax && queue.length > 0) {
      inFlight += 1;
      void carry(take()).finally(() => {
        inFlight -= 1;
        pump();
      });
    }
  }

  return (request) => {
    if (queue.length >= queueMax) {
      const detail = `${queueMax} commands wait already.`;
      return Promise.resolve({ type: 'unavailable', code: 'overloaded', detail });
    }
    return new Promise((resolve, reject) => {
      queue.push({ request, bytes: JSON.stringify(request).length, resolve, reject });
      pump();
    });
  };
}
