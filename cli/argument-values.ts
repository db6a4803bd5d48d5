/** Positions, times and anchors as they are typed. */
import { EVENT_DATA, eventType, parseEventType, type EventName } from '../contracts/events.ts';
import type { Anchor } from '../eventlog/audit/audit.ts';
import type { At } from '../eventlog/read/event-reader.ts';
import { WrongUsage } from './command.ts';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** @throws WrongUsage if it is neither a position nor a time */
export function parseAt(text: string): At {
  if (/^\d{1,15}$/.test(text)) return { position: Number(text) };
  const time = TIME.test(text) ? new Date(text) : undefined;
  if (time === undefined || Number.isNaN(time.getTime())) {
    throw new WrongUsage(`"${text}" is neither a position nor a time such as 2026-11-23T08:00:00Z.`);
  }
  // Events have their times in this form, and times are compared as texts.
  return { time: time.toISOString() };
}

/** @throws WrongUsage if it is no anchor */
export function parseAnchor(text: string): Anchor {
  const [, position, digest] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (position === undefined || digest === undefined) {
    throw new WrongUsage(`"${text}" is not <position>:<digest>, as an earlier verify has printed it.`);
  }
  return { position: Number(position), digest };
}

/** A CloudEvents type, or the name in it: `MoneyDeposited`. @throws WrongUsage if there is none */
export function parseType(text: string): string {
  const name =
    parseEventType(text)?.name ?? (Object.hasOwn(EVENT_DATA, text) ? (text as EventName) : undefined);
  if (name === undefined) throw new WrongUsage(`There is no event type "${text}".`);
  return eventType(name);
}
