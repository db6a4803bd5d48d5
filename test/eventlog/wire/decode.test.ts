import { describe, expect, test } from 'vitest';
import { EVENT_SUBJECTS, eventType, type EventName } from '../../../contracts/events.ts';
import { eventSubject } from '../../../contracts/subjects.ts';
import { decode, decodeOf } from '../../../eventlog/wire/codec.ts';

/** A message that says it is this event, on the subject of an aggregate of this kind. */
function message(name: EventName, aggregate: 'account' | 'transfer' | 'hold' | 'command') {
  return {
    subject: eventSubject('main', { aggregate, id: 'a' }, EVENT_SUBJECTS[name].token),
    seq: 7,
    data: Buffer.from('{}'),
    headers: new Map([['ce-type', eventType(name)]]),
  };
}

describe.each(Object.keys(EVENT_SUBJECTS) as EventName[])('%s', (name) => {
  const { aggregate } = EVENT_SUBJECTS[name];

  test('is read from a subject of its own kind of aggregate', () => {
    expect(decode(message(name, aggregate))).toMatchObject({ name, aggregate });
    expect(decodeOf(aggregate, message(name, aggregate))).toMatchObject({ name, aggregate });
  });

  test.each((['account', 'transfer', 'hold', 'command'] as const).filter((other) => other !== aggregate))(
    'is refused on a subject of the kind %s',
    (other) => {
      expect(() => decode(message(name, other))).toThrow(/another aggregate at position 7/);
      expect(() => decodeOf(other, message(name, aggregate))).toThrow(/Position 7 is no event of/);
    },
  );
});
