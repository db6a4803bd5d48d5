/** Follows the log: what is there, then what comes. */
import { DeliverPolicy, jetstream, type JsMsg } from '@nats-io/jetstream';
import type { RecordedEvent } from '../contracts/events.ts';
import { streamName } from '../contracts/subjects.ts';
import { BATCH_MESSAGES_MAX } from './batch.ts';
import { batchOf, decode, type StoredMessage } from './codec.ts';
import type { Place } from './direct-get.ts';
import { readHeaders } from './headers.ts';

type Following<Other> = {
  readonly after: number;
  readonly unreadable: ((message: StoredMessage, error: unknown) => Other) | undefined;
};

/**
 * Whole batches only: events of a batch wait in `open` until its commit marker has come. What is complete goes on as
 * soon as nothing more is waiting locally, so a quiet log is followed at once and a busy one in large steps.
 */
export async function* follow<Other = never>(
  { nc, ledger }: Place,
  { after, unreadable }: Following<Other>,
  signal: AbortSignal,
): AsyncGenerator<readonly (RecordedEvent | Other)[]> {
  const consumer = await jetstream(nc).consumers.get(streamName(ledger), {
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: after + 1,
  });
  const delivered = await consumer.consume({ max_messages: 2 * BATCH_MESSAGES_MAX });
  const stop = () => delivered.stop();
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  let complete: (RecordedEvent | Other)[] = [];
  let open: (RecordedEvent | Other)[] = [];
  try {
    const iterator = delivered[Symbol.asyncIterator]();
    for (let coming = iterator.next(); ;) {
      const { value: message, done } = await coming;
      if (done) return;
      coming = iterator.next();
      const { item, batch } = read(toStored(message), unreadable);
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
    await delivered.close();
  }
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
