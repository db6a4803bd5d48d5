/** Appends the events of another log, in their order and at their positions. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/transport-node';
import { appendSubject, parseEventSubject } from '../../contracts/subjects.ts';
import { publishAtomically, type BatchMessage } from '../../eventlog/append/batch.ts';
import type { EventReader } from '../../eventlog/read/event-reader.ts';
import { BATCH_MESSAGES_MAX, batchOf, type StoredMessage } from '../../eventlog/wire/codec.ts';
import { headerLine } from '../../eventlog/wire/headers.ts';
import { CannotRun } from '../command.ts';

/** Far below what a server buffers for one connection. */
const BATCH_BYTES_MAX = 8_000_000;
const APPEND_TIMEOUT_MS = 30_000;
const TRIES_MAX = 5;

const OF_SERVER = /^Nats-/;

export type Importer = {
  /** Takes the next event; it is stored when there are enough. */
  readonly add: (message: StoredMessage) => Promise<void>;
  /** Stores what is left. */
  readonly end: () => Promise<void>;
};

/**
 * Stores whole batches, as many together as the server takes at once: each append waits for the disk, and a log of small
 * batches would take hours. The first message of each append is guarded by the log's last position: so every event
 * gets its own position, and nobody else can write in between.
 */
export function createImporter({
  nc,
  reader,
  after,
}: {
  nc: NatsConnection;
  reader: EventReader;
  after: number;
}): Importer {
  let last = after;
  /** Whole batches, and the beginning of one that is not complete yet. */
  let whole: StoredMessage[] = [];
  let open: StoredMessage[] = [];
  let bytes = 0;

  const send = async () => {
    if (whole.length === 0) return;
    await store({ nc, reader }, last, whole);
    last += whole.length;
    whole = [];
    bytes = 0;
  };

  return {
    async add(message) {
      open.push(message);
      if (batchOf(message.headers)?.last === false) return;
      const more = open.reduce((sum, { data }) => sum + data.length, 0);
      if (whole.length + open.length > BATCH_MESSAGES_MAX || bytes + more > BATCH_BYTES_MAX) await send();
      whole.push(...open);
      bytes += more;
      open = [];
    },
    end: send,
  };
}

async function store(
  { nc, reader }: { nc: NatsConnection; reader: EventReader },
  after: number,
  messages: readonly StoredMessage[],
): Promise<void> {
  const batch = messages.map(toBatchMessage);
  for (let attempt = 1; ; attempt += 1) {
    const options = { batchId: randomUUID(), timeoutMs: APPEND_TIMEOUT_MS, after };
    const result = await publishAtomically(nc, batch, options);
    if (result.type === 'stored' && result.first === after + 1) return;
    // The answer may have been lost. That the log is right is verified in the end.
    const last = await reader.lastPosition();
    if (last === after + messages.length) return;
    if (last !== after) {
      throw new CannotRun(
        `Somebody else writes to this ledger: it is at position ${last}, not ${after}. Stop the workers.`,
      );
    }
    if (attempt === TRIES_MAX) {
      const why = result.type === 'stored' ? '' : `: ${result.detail}`;
      throw new CannotRun(
        `The events after position ${after} cannot be stored${why}. Import again to go on.`,
      );
    }
    await sleep(500 * attempt);
  }
}

function toBatchMessage({ subject, headers, data }: StoredMessage): BatchMessage {
  const { ledger, event, ...ref } = parseEventSubject(subject);
  let lines = '';
  for (const [name, value] of headers) {
    if (!OF_SERVER.test(name)) lines += headerLine(name, value);
  }
  return { subject: appendSubject(ledger, ref, event), headers: lines, payload: data };
}
