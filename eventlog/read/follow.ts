/** Follows the log: what is there, then what comes. */
import { DeliverPolicy, jetstream, type ConsumerMessages, type JsMsg } from '@nats-io/jetstream';
import type { RecordedEvent } from '../../contracts/events.ts';
import { streamName } from '../../contracts/subjects.ts';
import { LogDamaged } from '../errors.ts';
import { BATCH_MESSAGES_MAX, batchOf, decode, type StoredMessage } from '../wire/codec.ts';
import { readHeaders } from '../wire/headers.ts';
import { lastPosition, type LogRef } from './direct-get.ts';

type Following<Other> = {
  readonly after: number;
  readonly unreadable: ((message: StoredMessage, error: unknown) => Other) | undefined;
};

/** How often to see whether the log has what has not come. */
const LOOK_MS = 2_000;
/** How soon to ask again for a consumer that there was no answer about. */
const AGAIN_MS = 500;

/**
 * Whole batches only: events of a batch wait in `open` until its commit marker has come. What is complete goes on as
 * soon as nothing more is waiting locally, so a quiet log is followed at once and a busy one in large steps.
 */
export async function* follow<Other = never>(
  log: LogRef,
  { after, unreadable }: Following<Other>,
  signal: AbortSignal,
): AsyncGenerator<readonly (RecordedEvent | Other)[]> {
  const reading: Reading = { received: after, waiting: false, stop: () => {} };
  const stop = () => reading.stop();
  signal.addEventListener('abort', stop);
  const endWatch = watch(log, reading);
  let complete: (RecordedEvent | Other)[] = [];
  let open: (RecordedEvent | Other)[] = [];
  try {
    let delivered = await consume(log, reading);
    if (signal.aborted) stop();
    let iterator = delivered[Symbol.asyncIterator]();
    for (let coming = iterator.next(); ;) {
      reading.waiting = true;
      const { value: message, done } = await coming;
      reading.waiting = false;
      if (done) {
        const next = await consumeAgain(log, reading, signal);
        if (!next) return;
        delivered = next;
        iterator = delivered[Symbol.asyncIterator]();
        coming = iterator.next();
        continue;
      }
      coming = iterator.next();
      const stored = toStored(message);
      receive(reading, stored.seq);
      const { item, batch } = read(stored, unreadable);
      open.push(item);
      if (batch && !batch.last) continue;
      if (complete.length + open.length > BATCH_MESSAGES_MAX) {
        yield complete;
        complete = [];
      }
      complete.push(...open);
      open = [];
      if (!(await isHere(coming))) {
        yield complete;
        complete = [];
      }
    }
  } finally {
    signal.removeEventListener('abort', stop);
    endWatch();
    stop();
  }
}

/** How far a reading is. */
type Reading = {
  /** The position of the last message. */
  received: number;
  /** Whether it waits for the next one. */
  waiting: boolean;
  /** Ends what delivers the messages now; those that are here already still come. */
  stop: () => void;
};

/** @throws LogDamaged if positions are missing: what follows says nothing without them */
function receive(reading: Reading, position: number): void {
  const expected = reading.received + 1;
  if (position !== expected) {
    throw new LogDamaged(`The log is damaged: after position ${expected - 1} comes ${position}.`);
  }
  reading.received = position;
}

async function consume({ nc, ledger }: LogRef, reading: Reading): Promise<ConsumerMessages> {
  const consumer = await jetstream(nc).consumers.get(streamName(ledger), {
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: reading.received + 1,
  });
  const delivered = await consumer.consume({ max_messages: 2 * BATCH_MESSAGES_MAX });
  reading.stop = () => delivered.stop();
  return delivered;
}

/** Another consumer, from where the last one got to. Undefined if the reading is over. */
async function consumeAgain(
  log: LogRef,
  reading: Reading,
  signal: AbortSignal,
): Promise<ConsumerMessages | undefined> {
  while (!signal.aborted && !log.nc.isClosed()) {
    try {
      const delivered = await consume(log, reading);
      if (signal.aborted) reading.stop();
      return delivered;
    } catch {
      // The log is away: as long as the connection is kept, so is the reading.
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
  return undefined;
}

/**
 * Ends what delivers if nothing comes although there is something. When a connection was lost, and again while the client
 * asks what has become of its consumer, it says nothing for half a minute or longer (nats-jetstream 3.4).
 */
function watch(log: LogRef, reading: Reading): () => void {
  /** How far the log went, and the reading, when they were last looked at. */
  let [known, before] = [0, -1];
  const look = async () => {
    const { waiting, received } = reading;
    if (waiting && received === before && received < known) reading.stop();
    before = received;
    known = await lastPosition(log);
  };
  // A log that does not answer tells nothing.
  const timer = setInterval(() => void look().catch(() => {}), LOOK_MS).unref();
  return () => clearInterval(timer);
}

/** A message, and the atomic batch that it came in. */
function read<Other>(message: StoredMessage, unreadable: Following<Other>['unreadable']) {
  try {
    const event = decode(message);
    return { item: event, batch: event.batch };
  } catch (error) {
    if (!unreadable) throw error;
    return { item: unreadable(message, error), batch: batchOf(message.headers) };
  }
}

/**
 * Whether a promise settles within this turn of the event loop. `getPending()` cannot be asked what waits: it also counts
 * control messages that are done with, and so kept a quiet log's last events back until the next one came.
 */
async function isHere(coming: Promise<unknown>): Promise<boolean> {
  let turn: NodeJS.Immediate | undefined;
  const over = new Promise<false>((resolve) => {
    turn = setImmediate(() => resolve(false));
  });
  const settled = await Promise.race([coming.then(yes, yes), over]);
  clearImmediate(turn);
  return settled;
}

function yes(): true {
  return true;
}

/** A message that a consumer delivered, as the stream has it. */
export function toStored(message: JsMsg): StoredMessage {
  const { subject, seq, data } = message;
  return { subject, seq, data, headers: readHeaders(message) };
}
