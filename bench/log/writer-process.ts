/**
 * One of several worker processes, without Temporal and HTTP: it joins a ledger and puts a load on it, as its parent
 * tells it by IPC. What it asked and was answered it writes to a file as it goes, for whoever kills it.
 */
import { openSync, writeSync } from 'node:fs';
import { createAppender, type Appender } from '../../eventlog/append/appender.ts';
import type { Outcome } from '../../eventlog/append/outcome.ts';
import { LogUnavailable, Overloaded } from '../../eventlog/errors.ts';
import { connectToNats } from '../../eventlog/nats/connection.ts';
import { openLog } from '../../eventlog/nats/stream.ts';
import { createEventReader } from '../../eventlog/read/reader.ts';
import { openActiveAppender } from '../../eventlog/writer/active-appender.ts';
import type { MovementRequest } from '../../messages/commands.ts';
import {
  accountName,
  type FromWriter,
  type Load,
  type RecordLine,
  type ToWriter,
} from './writer-protocol.ts';

let appender: Appender;
let leave = async () => {};
let stop = new AbortController();
let loads: Promise<unknown> = Promise.resolve();
let decided = 0;
let retries = 0;
let markedAt = 0;
let markedCpu = process.cpuUsage();
let file: number | undefined;
let lines: string[] = [];

process.on('message', (message: ToWriter) => void take(message));
process.on('disconnect', () => process.exit());

async function take(message: ToWriter): Promise<void> {
  switch (message.type) {
    case 'join': {
      const { ledger, id, leased, record } = message;
      const nc = await connectToNats(message.natsUrl, id);
      await openLog(nc, { ledger, replicas: 1 });
      const reader = createEventReader(nc, ledger);
      const options = { ledger, clock: () => new Date() };
      appender = leased
        ? await openActiveAppender(nc, reader, { ...options, replicas: 1, id })
        : createAppender(nc, reader, options);
      file = record === undefined ? undefined : openSync(record, 'a');
      leave = async () => {
        await appender.close();
        await nc.drain();
      };
      return tell({ type: 'joined' });
    }
    case 'load':
      stop = new AbortController();
      mark();
      loads = Promise.all(Array.from({ length: message.callers }, (_, index) => call(message, index)));
      return;
    case 'mark':
      return mark();
    case 'stop': {
      stop.abort();
      const { user, system } = process.cpuUsage(markedCpu);
      const cpuMs = (user + system) / 1_000;
      const counted = { decided, retries, elapsedMs: performance.now() - markedAt, cpuMs };
      await loads;
      flush();
      return tell({ type: 'stopped', ...counted });
    }
    case 'leave':
      await leave();
      return tell({ type: 'left' });
  }
}

function mark(): void {
  decided = 0;
  retries = 0;
  markedAt = performance.now();
  markedCpu = process.cpuUsage();
}

function tell(message: FromWriter): void {
  process.send?.(message);
}

async function call(load: Load, caller: number): Promise<void> {
  const random = randomNumbers(load.seed * 100_003 + caller);
  const { signal } = stop;
  for (let count = 0; !signal.aborted; count++) {
    const request = transfer(load, { id: `t-${load.seed}-${caller}-${count}`, random });
    const outcome = await submit(request);
    decided += 1;
    if (outcome.type !== 'transfer') throw new Error(`${request.id}: ${JSON.stringify(outcome)}`);
    const { position, transfer: made } = outcome;
    note({ id: request.id, position, completed: made.status === 'posted' });
  }
}

/** As Temporal does: what may pass is tried again. */
async function submit(request: MovementRequest): Promise<Outcome> {
  for (;;) {
    try {
      return await appender.submit({ request, workflowId: `transfer/${request.id}` });
    } catch (error) {
      if (!(error instanceof Overloaded) && !(error instanceof LogUnavailable)) throw error;
      retries += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function transfer(
  { accounts, hot }: Load,
  { id, random }: { id: string; random: (below: number) => number },
): MovementRequest {
  const source = hot ? 0 : random(accounts);
  const destination = (source + 1 + random(accounts - 1)) % accounts;
  return {
    type: 'transfer',
    kind: 'transfer',
    id,
    source: accountName(source),
    destination: accountName(destination),
    amount: String(1 + random(9)),
    currency: 'EUR',
    command_id: id,
    fingerprint: id.padEnd(64, '-'),
    idempotency_key: id.padEnd(64, '-'),
    requested_at: new Date().toISOString(),
    actor: 'bench',
  };
}

/** Written once a turn of the event loop, so that a kill loses no more than that. */
function note(line: RecordLine): void {
  if (file === undefined) return;
  if (lines.length === 0) setImmediate(flush);
  lines.push(JSON.stringify(line));
}

function flush(): void {
  if (file !== undefined && lines.length > 0) writeSync(file, `${lines.join('\n')}\n`);
  lines = [];
}

/** Mulberry32: the same seed gives the same numbers. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}
