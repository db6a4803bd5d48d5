/**
 * Carries commands to the ledger's active writer. What waits goes as one pack; while a few packs are on their way the
 * next one gathers. A command that got no answer is carried again, marked as in doubt, until its time is over.
 */
import { NoRespondersError, RequestError, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { writerSubject } from '../../contracts/subjects.ts';
import { PATIENCE_MS } from '../append/appender.ts';
import type { Outcome } from '../append/outcome.ts';
import type { Submission } from '../append/plan.ts';
import { LogUnavailable, NotActive, Overloaded } from '../errors.ts';
import { decodeAnswers, encodeCommand, errorOf, type Answered } from './forwarding-protocol.ts';

/** A command on its way to its outcome, here or at another process. */
export type Errand = {
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
  readonly decideHere: (errand: Errand) => void;
  /** A writer that has no connection any more. */
  readonly onGone: (writer: string) => void;
};

export type Forwarder = {
  readonly carry: (errand: Errand) => void;
  /** Commands that wait here or are on their way. */
  readonly depth: () => number;
  /** The route has changed: what is on its way to another writer is carried again. */
  readonly reroute: () => void;
};

/** Bounds on a pack: the answers are a few hundred bytes longer a command, and NATS carries 1 MB. */
const PACK_COMMANDS = 300;
const PACK_BYTES = 200_000;
const PACKS_IN_FLIGHT = 4;
/** A pack that takes longer may have been lost with its writer. */
const PROBE_MS = 100;
/** How long to wait before asking again a writer that did not take a pack, or while there is none. */
const PAUSE_MS = 25;

/** Starts a forwarder. */
export function createForwarder(nc: NatsConnection, options: ForwarderOptions): Forwarder {
  const { ledger, route, decideHere, onGone } = options;
  let waiting: Errand[] = [];
  let carried = 0;
  let inFlight = 0;
  let scheduled = false;
  let pause: NodeJS.Timeout | undefined;
  /** Ends the waiting for each answer that is still to come. */
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
      waiting = waiting.filter((errand) => !tooOld(errand));
      flush();
    }, PAUSE_MS);
  }

  function flush(): void {
    if (waiting.length === 0) return;
    const where = route();
    if (where?.type === 'here') for (const errand of waiting.splice(0)) decideHere(errand);
    else if (where?.type === 'to') {
      while (waiting.length > 0 && inFlight < PACKS_IN_FLIGHT) void send(where.writer);
    } else later();
  }

  function takePack(): { errands: Errand[]; payload: string } {
    const pieces: string[] = [];
    for (let bytes = 0; pieces.length < Math.min(waiting.length, PACK_COMMANDS);) {
      const { submission, since, inDoubt } = waiting[pieces.length] as Errand;
      const piece = encodeCommand({ ...submission, since, inDoubt });
      bytes += Buffer.byteLength(piece);
      if (bytes > PACK_BYTES && pieces.length > 0) break;
      pieces.push(piece);
    }
    return { errands: waiting.splice(0, pieces.length), payload: `[${pieces.join(',')}]` };
  }

  async function send(writer: string): Promise<void> {
    const { errands, payload } = takePack();
    inFlight += 1;
    carried += errands.length;
    const again = await exchange(writer, { errands, payload });
    inFlight -= 1;
    carried -= errands.length;
    const young = again.filter((errand) => !tooOld(errand));
    waiting.unshift(...young);
    if (young.length > 0) later();
    else schedule();
  }

  /** Sends a pack and settles its errands; gives those that must be carried again. */
  async function exchange(
    writer: string,
    { errands, payload }: { errands: readonly Errand[]; payload: string },
  ): Promise<readonly Errand[]> {
    try {
      const timeout = Math.max(PAUSE_MS, PATIENCE_MS - (performance.now() - oldest(errands)));
      const reply = await answer(writer, nc.request(writerSubject(ledger, writer), payload, { timeout }));
      if (reply) return settle(errands, decodeAnswers(reply.string(), errands.length));
    } catch (error) {
      if (isNobody(error)) {
        onGone(writer);
        return errands;
      }
    }
    for (const errand of errands) errand.inDoubt = true;
    return errands;
  }

  /** Undefined if the route changes first. */
  function answer(writer: string, asked: Promise<Msg>): Promise<Msg | undefined> {
    return new Promise((resolve, reject) => {
      const giveUp = () => resolve(undefined);
      const probing = setTimeout(() => void probe(writer), PROBE_MS);
      giveUps.add(giveUp);
      void asked.then(resolve, reject).finally(() => {
        giveUps.delete(giveUp);
        clearTimeout(probing);
      });
    });
  }

  /** A writer that died with a pack in its hands never answers it; but the server knows that it is gone. */
  async function probe(writer: string): Promise<void> {
    try {
      await nc.request(writerSubject(ledger, writer), '[]', { timeout: PROBE_MS });
    } catch (error) {
      if (isNobody(error)) onGone(writer);
    }
  }

  return {
    depth: () => waiting.length + carried,
    carry(errand) {
      waiting.push(errand);
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

/** Gives the errands that the writer did not take, or could not finish. */
function settle(errands: readonly Errand[], answers: readonly Answered[]): Errand[] {
  const again: Errand[] = [];
  for (const [index, errand] of errands.entries()) {
    const answer = answers[index];
    if (!answer) continue;
    if ('outcome' in answer) {
      errand.resolve(answer.outcome);
      continue;
    }
    const error = errorOf(answer);
    if (!(error instanceof NotActive)) {
      fail(errand, error);
      continue;
    }
    errand.inDoubt ||= error.inDoubt;
    again.push(errand);
  }
  return again;
}

/** Tells the caller why there is no outcome. That nothing was done can be said only of what was never sent before. */
export function fail({ inDoubt, reject }: Errand, error: unknown): void {
  const doubtful = error instanceof Overloaded && inDoubt;
  reject(doubtful ? new LogUnavailable(`${error.message} An earlier attempt may have been stored.`) : error);
}

function oldest(errands: readonly Errand[]): number {
  return Math.min(...errands.map(({ since }) => since));
}

/** True, and its caller is told, if the command has waited as long as any may. */
export function tooOld(errand: Errand): boolean {
  const old = performance.now() - errand.since > PATIENCE_MS;
  if (old) errand.reject(new LogUnavailable('No writer accepted the command in time.'));
  return old;
}

/** Nobody listens there, so nothing was done. */
function isNobody(error: unknown): boolean {
  return (
    error instanceof NoRespondersError ||
    (error instanceof RequestError && error.cause instanceof NoRespondersError)
  );
}
