/** The loop that keeps the read model: follow the log from where the read model is, and apply what comes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../domain/assert.ts';
import type { EventReader } from '../eventlog/event-reader.ts';
import { apply } from './apply.ts';
import { advance, readPosition } from './checkpoint.ts';
import type { ReadModel } from './database.ts';
import { createPersevere, type Persevere } from './persevere.ts';
import { createStatistics } from './statistics.ts';

export type ProjectorOptions = {
  readonly db: ReadModel;
  readonly log: Pick<EventReader, 'follow'>;
  /** Told each position that the read model has reached, after it can be read. */
  readonly announce: (position: number) => void;
  /** Told, in one line, what an operator should know. */
  readonly tell: (line: string) => void;
};

/** How long, about, to leave the log to another projector that turned up. */
const YIELD_MS = 200;

/**
 * Runs until the signal aborts; a transaction that is under way then is finished first. Postgres may go away and
 * come back.
 * @throws Error for an event that cannot be applied: nothing after it would be right.
 */
export async function runProjector(options: ProjectorOptions, signal: AbortSignal): Promise<void> {
  const { db, announce, tell } = options;
  const persevere = createPersevere(tell, signal);
  while (!signal.aborted) {
    const position = await persevere(() => readPosition(db));
    if (position === undefined) return;
    announce(position);
    await followFrom(options, position, { signal, persevere });
    if (signal.aborted) return;
    tell(
      'The read model is further than expected: a second projector, or an answer was lost. Reading its position.',
    );
    await sleep(YIELD_MS * Math.random(), undefined, { signal }).catch(() => {});
  }
}

/** Applies what follows a position, until the signal aborts or the read model is no longer where it should be. */
async function followFrom(
  { db, log, announce }: ProjectorOptions,
  start: number,
  { signal, persevere }: { signal: AbortSignal; persevere: Persevere },
): Promise<void> {
  const gatherStatistics = createStatistics(db);
  let position = start;
  for await (const delivered of log.follow(position, signal)) {
    // What was delivered again is in the rows already.
    const events = delivered.filter((event) => event.position > position);
    const [first] = events;
    if (!first) continue;
    assert(
      first.position === position + 1,
      `after position ${position} comes ${position + 1}, not ${first.position}`,
    );
    const rows = apply(events);
    const advanced = await persevere(() => advance(db, position, rows));
    if (!advanced) return;
    position = rows.position;
    announce(position);
    await gatherStatistics(position);
  }
}
