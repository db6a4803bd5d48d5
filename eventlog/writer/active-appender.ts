/**
 * The appender of a worker among others. One process at a time decides a ledger's commands, so that batches do not
 * fail each other; the others hand theirs to it. Which one it is, the lease says. Nothing here is needed for
 * correctness: a batch of a writer that has been replaced is refused by the log.
 */
import { randomUUID } from 'node:crypto';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { writerSubject } from '../../contracts/subjects.ts';
import { createAppender, type Appender, type AppenderOptions } from '../append/appender.ts';
import { NotActive, Overloaded } from '../errors.ts';
import type { EventReader } from '../read/event-reader.ts';
import { failedResult, decodeCommands, type ForwardedResult } from './forwarding-protocol.ts';
import { createForwarder, fail, tooOld, type ForwardedCommand } from './forwarder.ts';
import { openLease, type Lease } from './lease.ts';

export type ActiveAppenderOptions = Omit<AppenderOptions, 'active'> & {
  /** Copies of the lease in a NATS cluster: as many as of the log. */
  readonly replicas: number;
  /** Names this process among the ledger's writers; one token of a subject. */
  readonly id?: string;
  /** Told, in one line, if NATS is not ready. */
  readonly tell?: (line: string) => void;
};

/**
 * Starts an appender that decides here while this process is the active writer, and has the active writer decide
 * otherwise. Its outcomes are the same either way.
 * @throws Error if the lease's bucket is not what it must be.
 */
export async function openActiveAppender(
  nc: NatsConnection,
  reader: Pick<EventReader, 'first'>,
  options: ActiveAppenderOptions,
): Promise<Appender> {
  const { ledger, replicas, queueMax = 10_000, id = randomUUID(), tell } = options;
  let closing = false;
  let lease: Lease | undefined;
  const mayDecide = () => lease !== undefined && (lease.held() || lease.unreachable());
  const local = createAppender(nc, reader, { ...options, active: mayDecide });
  /** What is in hand, of this process and of others. */
  const inHand = new Set<Promise<unknown>>();

  const forwarder = createForwarder(nc, {
    ledger,
    decideHere,
    route() {
      if (mayDecide()) return { type: 'here' };
      const writer = lease?.holder();
      return writer === undefined || writer === id ? undefined : { type: 'to', writer };
    },
    onGone: (writer) => lease?.reportGone(writer),
  });

  // Before the lease: whoever hears of this process as the holder must reach it.
  const service = nc.subscribe(writerSubject(ledger, id), {
    callback: (error, message) => {
      if (!error) void track(serve(message));
    },
  });
  lease = await openLease(nc, {
    ledger,
    replicas,
    id,
    tell,
    onAcquired() {
      local.forget();
      forwarder.reroute();
    },
    onChange: () => forwarder.reroute(),
  });

  function decideHere(command: ForwardedCommand): void {
    const { submission, since, inDoubt, resolve } = command;
    local.submit({ ...submission, since, inDoubt }).then(resolve, (error: unknown) => {
      if (!(error instanceof NotActive)) return fail(command, error);
      command.inDoubt ||= error.inDoubt;
      if (!tooOld(command)) forwarder.carry(command);
    });
  }

  /** Carries out a batch of another process's commands, and responds with the results. */
  async function serve(message: Msg): Promise<void> {
    const commands = decodeCommands(message.string());
    const inactive = closing || !mayDecide();
    const results = commands.map(async (command): Promise<ForwardedResult> => {
      try {
        if (inactive) throw new NotActive(false);
        return { outcome: await local.submit(command) };
      } catch (error) {
        return failedResult(error);
      }
    });
    message.respond(JSON.stringify(await Promise.all(results)));
  }

  function track<T>(work: Promise<T>): Promise<T> {
    inHand.add(work);
    work.then(
      () => inHand.delete(work),
      () => inHand.delete(work),
    );
    return work;
  }

  const depth = () => forwarder.depth() + local.depth();
  return {
    depth,
    submit(submission) {
      if (closing || depth() >= queueMax) {
        return Promise.reject(
          new Overloaded(closing ? 'Shutting down.' : `${queueMax} commands are already waiting.`),
        );
      }
      return track(
        new Promise((resolve, reject) => {
          const command = { submission, since: performance.now(), resolve, reject, inDoubt: false };
          if (mayDecide()) decideHere(command);
          else forwarder.carry(command);
        }),
      );
    },
    async close() {
      closing = true;
      // The lease is kept until all is decided: this may be the only process that can.
      while (inHand.size > 0) await Promise.allSettled(inHand);
      await local.close();
      await lease?.close();
      service.unsubscribe();
    },
  };
}
