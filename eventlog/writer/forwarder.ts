/**
 * Carries commands to the ledger's active writer. What waits goes as one batch; while a few batches are on their way the
 * next one gathers. A command that got no result is carried again, marked as in doubt, until its time is over.
 */
import { NoRespondersError, RequestError, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { writerSubject } from '../../contracts/subjects.ts';
import { PATIENCE_MS } from '../append/appender.ts';
import type { Outcome } from '../append/outcome.ts';
import type { Submission } from '../append/plan.ts';
import { LogUnavailable, NotActive, Overloaded } from '../errors.ts';
import { decodeResults, encodeCommand, errorOf, type ForwardedResult } from './forwarding-protocol.ts';

/** A command on its way to its outcome, here or at another process. */
export type ForwardedCommand = {
  readonly submission: Submission;
  readonly since: number;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
  /** It may be in the log by this process's doing: if it is found there, it is this one's own. */
  inDoubt: boolean;
};

export type ForwarderOptions = {
  readonly ledger: string;
  /** Who may decide: this process, another one, or nobody that is known of. */
  readonly route: () =>
    { readonly type: 'here' } | { readonly type: 'to'; readonly writer: string } | undefined;
  readonly decideHere: (command: ForwardedCommand) => void;
  /** A writer that has no connection any more. */
  readonly onGone: (writer: string) => void;
};

export type Forwarder = {
  readonly carry: (command: ForwardedCommand) => void;
  /** Commands that wait here or are on their way. */
  readonly depth: () => number;
  /** The route has changed: what is on its way to another writer is carried again. */
  readonly reroute: () => void;
};

/** Bounds on a batch: the results are a few hundred bytes longer a command, and NATS carries 1 MB. */
const BATCH_COMMANDS = 300;
const BATCH_BYTES = 200_000;
const BATCHES_IN_FLIGHT = 4;
/** A batch that takes longer may have been lost with its writer. */
const PROBE_MS = 100;
/** How long to wait before asking again a writer that did not take a batch, or while there is none. */
const PAUSE_MS = 25;

/** Starts a forwarder. */
export function createForwarder(nc: NatsConnection, options: ForwarderOptions): Forwarder {
  const { ledger, route, decideHere, onGone } = options;
  let waiting: ForwardedCommand[] = [];
  let carried = 0;
  let inFlight = 0;
  let scheduled = false;
  let pause: NodeJS.Timeout | undefined;
  /** Ends the waiting for each response that is still to come. */
  const giveUps = new Set<() => void>();

  function schedule(): void {
    if (scheduled || pause) return;
    scheduled = true;
    // One turn of the event loop, so that what arrives together goes together.
    setImmediate(() => {
      scheduled = false;
      flush();
    });
  }

  function later(): void {
    pause ??= setTimeout(() => {
      pause = undefined;
      waiting = waiting.filter((command) => !tooOld(command));
      flush();
    }, PAUSE_MS);
  }

  function flush(): void {
    if (waiting.length === 0) return;
    const where = route();
    if (where?.type === 'here') for (const command of waiting.splice(0)) decideHere(command);
    else if (where?.type === 'to') {
      while (waiting.length > 0 && inFlight < BATCHES_IN_FLIGHT) void send(where.writer);
    } else later();
  }

  function takeBatch(): { commands: ForwardedCommand[]; payload: string } {
    const pieces: string[] = [];
    for (let bytes = 0; pieces.length < Math.min(waiting.length, BATCH_COMMANDS);) {
      const { submission, since, inDoubt } = waiting[pieces.length] as ForwardedCommand;
      const piece = encodeCommand({ ...submission, since, inDoubt });
      bytes += Buffer.byteLength(piece);
      if (bytes > BATCH_BYTES && pieces.length > 0) break;
      pieces.push(piece);
    }
    return { commands: waiting.splice(0, pieces.length), payload: `[${pieces.join(',')}]` };
  }

  async function send(writer: string): Promise<void> {
    const { commands, payload } = takeBatch();
    inFlight += 1;
    carried += commands.length;
    const again = await exchange(writer, { commands, payload });
    inFlight -= 1;
    carried -= commands.length;
    const young = again.filter((command) => !tooOld(command));
    waiting.unshift(...young);
    if (young.length > 0) later();
    else schedule();
  }

  /** Sends a batch and settles its commands; gives those that must be carried again. */
  async function exchange(
    writer: string,
    { commands, payload }: { commands: readonly ForwardedCommand[]; payload: string },
  ): Promise<readonly ForwardedCommand[]> {
    try {
      const timeout = Math.max(PAUSE_MS, PATIENCE_MS - (performance.now() - oldest(commands)));
      const reply = await responseOf(writer, nc.request(writerSubject(ledger, writer), payload, { timeout }));
      if (reply) return settle(commands, decodeResults(reply.string(), commands.length));
    } catch (error) {
      if (isNobody(error)) {
        onGone(writer);
        return commands;
      }
    }
    for (const command of commands) command.inDoubt = true;
    return commands;
  }

  /** Undefined if the route changes first. */
  function responseOf(writer: string, response: Promise<Msg>): Promise<Msg | undefined> {
    return new Promise((resolve, reject) => {
      const giveUp = () => resolve(undefined);
      const probing = setTimeout(() => void probe(writer), PROBE_MS);
      giveUps.add(giveUp);
      void response.then(resolve, reject).finally(() => {
        giveUps.delete(giveUp);
        clearTimeout(probing);
      });
    });
  }

  /** A writer that died with a batch in its hands never responds to it; but the server knows that it is gone. */
  async function probe(writer: string): Promise<void> {
    try {
      await nc.request(writerSubject(ledger, writer), '[]', { timeout: PROBE_MS });
    } catch (error) {
      if (isNobody(error)) onGone(writer);
    }
  }

  return {
    depth: () => waiting.length + carried,
    carry(command) {
      waiting.push(command);
      schedule();
    },
    reroute() {
      for (const giveUp of giveUps) giveUp();
      clearTimeout(pause);
      pause = undefined;
      schedule();
    },
  };
}

/** Gives the commands that the writer did not take, or could not finish. */
function settle(
  commands: readonly ForwardedCommand[],
  results: readonly ForwardedResult[],
): ForwardedCommand[] {
  const again: ForwardedCommand[] = [];
  for (const [index, command] of commands.entries()) {
    const result = results[index];
    if (!result) continue;
    if ('outcome' in result) {
      command.resolve(result.outcome);
      continue;
    }
    const error = errorOf(result);
    if (!(error instanceof NotActive)) {
      fail(command, error);
      continue;
    }
    command.inDoubt ||= error.inDoubt;
    again.push(command);
  }
  return again;
}

/** Tells the caller why there is no outcome. That nothing was done can be said only of what was never sent before. */
export function fail({ inDoubt, reject }: ForwardedCommand, error: unknown): void {
  const doubtful = error instanceof Overloaded && inDoubt;
  reject(doubtful ? new LogUnavailable(`${error.message} An earlier attempt may have been stored.`) : error);
}

function oldest(commands: readonly ForwardedCommand[]): number {
  return Math.min(...commands.map(({ since }) => since));
}

/** True, and its caller is told, if the command has waited as long as any may. */
export function tooOld(command: ForwardedCommand): boolean {
  const old = performance.now() - command.since > PATIENCE_MS;
  if (old) command.reject(new LogUnavailable('No writer accepted the command in time.'));
  return old;
}

/** Nobody listens there, so nothing was done. */
function isNobody(error: unknown): boolean {
  return (
    error instanceof NoRespondersError ||
    (error instanceof RequestError && error.cause instanceof NoRespondersError)
  );
}
