/** What several projections ask of a batch of events. Pure. */
import type { RecordedEvent, TransferRecord } from '../../contracts/events.ts';

/** One `key=value` of the metadata of an account, a transfer or a hold. None of them ever changes. */
export type LabelRow = {
  readonly kind: 'account' | 'transfer' | 'hold';
  readonly label: string;
  readonly first_position: number;
};

/** What events have happened to: its first event of these, and its last one. */
export type FirstAndLast<Event> = { readonly first: Event; readonly last: Event };

/** Whatever something happened to last comes last. */
export function noteEvent<Event extends RecordedEvent>(
  events: Map<string, FirstAndLast<Event>>,
  event: Event,
): void {
  const first = events.get(event.aggregateId)?.first ?? event;
  events.delete(event.aggregateId);
  events.set(event.aggregateId, { first, last: event });
}

/** What is written on a thing comes with its first event. */
export function labelRows({
  aggregate: kind,
  data,
  version,
  position: first_position,
}: RecordedEvent): LabelRow[] {
  if (version > 1 || kind === 'command' || !('metadata' in data)) return [];
  const labels = Object.entries(data.metadata).map(([key, value]) => labelOf(key, value));
  return labels.map((label): LabelRow => ({ kind, label, first_position }));
}

/** No key has an equals sign, so no two of them give the same. */
export function labelOf(key: string, value: string): string {
  return `${key}=${value}`;
}

/** The accounts that a transfer names, each once. */
export function accountsIn(data: TransferRecord['data']): string[] {
  if (!('entries' in data)) return [data.from, data.to];
  return [...new Set(data.entries.map(({ account }) => account))].toSorted();
}
