/**
 * Takes a build one batch of events further. What cannot be applied is found by halving the batch, and parked by
 * itself: the events of one command, since none of them means anything without the others.
 */
import type { RecordedEvent } from '../../contracts/events.ts';
import { assert } from '../../domain/assert.ts';
import postgres from 'postgres';
import type { StoredMessage } from '../../eventlog/wire/codec.ts';
import { batchOf, decode } from '../../eventlog/wire/codec.ts';
import type { RowsOf } from '../projections/projection.ts';
import type { Build } from '../tables/builds.ts';
import { park, writeRows, type Poison } from '../tables/write-rows.ts';
import type { RetryWhileUnreachable } from './retry.ts';

/** A message of the log that this version of Tallybook cannot read. */
export type Unreadable = Pick<RecordedEvent, 'position' | 'subject' | 'type' | 'id' | 'batch'> & {
  readonly unreadable: string;
};

export type Item = RecordedEvent | Unreadable;

/** What stands for a message that cannot be read. */
export function unreadable({ seq, subject, headers }: StoredMessage, error: unknown): Unreadable {
  const [type = '', id = ''] = ['ce-type', 'ce-id'].map((name) => headers.get(name));
  return { position: seq, subject, type, id, batch: batchOf(headers), unreadable: reasonOf(error) };
}

/** A stored message as an event, if it can be read. */
export function itemOf(message: StoredMessage): Item {
  try {
    return decode(message);
  } catch (error) {
    return unreadable(message, error);
  }
}

/** Where the build is afterwards. `elsewhere`: it was not where it should be. `poison`: it must not go on. */
export type StepResult =
  | { readonly at: 'position'; readonly build: Build; readonly parked: readonly Poison[] }
  | { readonly at: 'elsewhere' }
  | { readonly at: 'poison'; readonly build: Build; readonly poison: Poison }
  | { readonly at: 'aborted' };

export type StepOptions = {
  readonly retryWhileUnreachable: RetryWhileUnreachable;
  /** Whether the projection is to stop at what it cannot apply, and not to park it. */
  readonly stops: boolean;
};

/** Applies what the build does not have yet; the items are whole commands in log order. */
export async function applyStep(
  build: Build,
  items: readonly Item[],
  options: StepOptions,
): Promise<StepResult> {
  const { position } = build;
  const news =
    items[0] && items[0].position > position ? items : items.filter((item) => item.position > position);
  const [first, last] = [news[0], news.at(-1)];
  if (!first || !last) return { at: 'position', build, parked: [] };
  assert(
    first.position === position + 1,
    `after position ${position} comes ${position + 1}, not ${first.position}`,
  );
  const failed = await attempt(build, { items: news, to: last.position }, options);
  if (failed === 'aborted' || failed === 'elsewhere') return { at: failed };
  const moved = { ...build, position: last.position };
  if (failed === undefined) return { at: 'position', build: moved, parked: [] };
  const [left, right] = halves(news);
  if (right.length > 0) return applyHalves(build, [left, right], options);
  const poison = poisonOf(news, failed);
  if (options.stops) return { at: 'poison', build, poison };
  const parked = await options.retryWhileUnreachable(() => park(build, poison));
  if (parked === undefined) return { at: 'aborted' };
  return parked ? { at: 'position', build: moved, parked: [poison] } : { at: 'elsewhere' };
}

async function applyHalves(
  build: Build,
  [left, right]: readonly [readonly Item[], readonly Item[]],
  options: StepOptions,
): Promise<StepResult> {
  const first = await applyStep(build, left, options);
  if (first.at !== 'position') return first;
  const second = await applyStep(first.build, right, options);
  return second.at === 'position' ? { ...second, parked: [...first.parked, ...second.parked] } : second;
}

/** Undefined if it succeeded; an error if these events cannot be applied. Other errors are thrown. */
async function attempt(
  build: Build,
  { items, to }: { readonly items: readonly Item[]; readonly to: number },
  { retryWhileUnreachable }: StepOptions,
): Promise<Error | 'elsewhere' | 'aborted' | undefined> {
  const rows = rowsOf(build, items);
  if (rows instanceof Error) return rows;
  try {
    const written = await retryWhileUnreachable(() => writeRows(build, { to, rows }));
    if (written === undefined) return 'aborted';
    return written ? undefined : 'elsewhere';
  } catch (error) {
    if (isDataError(error)) return error;
    throw error;
  }
}

/** The rows of these items, or why there are none. */
export function rowsOf({ projection }: Pick<Build, 'projection'>, items: readonly Item[]): RowsOf | Error {
  try {
    return projection.apply(items.map(readable));
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function readable(item: Item): RecordedEvent {
  if ('unreadable' in item) throw new Error(item.unreadable);
  return item;
}

/** Postgres refused the rows themselves: a value that does not fit, or a constraint. Anything else would come again. */
export function isDataError(error: unknown): error is postgres.PostgresError {
  return error instanceof postgres.PostgresError && /^2[23]/.test(error.code);
}

/** Two halves, each of whole commands; the second is empty if it is one command. */
function halves(items: readonly Item[]): readonly [readonly Item[], readonly Item[]] {
  const begins = items.flatMap((item, at) =>
    at === 0 || commandOf(item) !== commandOf(items[at - 1]) ? [at] : [],
  );
  const middle = begins[begins.length >> 1] ?? 0;
  return middle === 0 ? [items, []] : [items.slice(0, middle), items.slice(middle)];
}

/** An event's id is `<command>-<number>`. */
function commandOf(item: Item | undefined): string {
  return `${item?.batch?.id ?? item?.position} ${item?.id.replace(/-\d+$/, '')}`;
}

function poisonOf(items: readonly Item[], error: Error): Poison {
  const [first, last] = [items[0], items.at(-1)];
  assert(first !== undefined && last !== undefined, 'a command has events');
  // What cannot be read is to blame, whatever stands around it.
  const { subject, type } = items.find((item) => 'unreadable' in item) ?? first;
  return { position: first.position, lastPosition: last.position, subject, type, error: reasonOf(error) };
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
