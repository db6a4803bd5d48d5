import { expect, test } from 'vitest';
import { EVENT_SUBJECTS, eventType, parseEventType, type EventName } from '../../contracts/events.ts';
import { newestVersion, upcast } from '../../contracts/upcasters.ts';

/** As if `MoneyDeposited` had changed twice: a field got another name, then another unit. */
const CHANGED_TWICE = {
  MoneyDeposited: [
    ({ sum, ...rest }: Readonly<Record<string, unknown>>) => ({ ...rest, amount: sum }),
    ({ amount, ...rest }: Readonly<Record<string, unknown>>) => ({ ...rest, amount: `${String(amount)}00` }),
  ],
};

test('data of an old version goes through each version after it, in order', () => {
  expect(newestVersion('MoneyDeposited', CHANGED_TWICE)).toBe(3);
  expect(upcast({ name: 'MoneyDeposited', version: 1 }, { sum: '5' }, CHANGED_TWICE)).toEqual({
    amount: '500',
  });
  expect(upcast({ name: 'MoneyDeposited', version: 2 }, { amount: '5' }, CHANGED_TWICE)).toEqual({
    amount: '500',
  });
});

test('data of the newest version is left as it is', () => {
  const data = { amount: '5' };
  expect(upcast({ name: 'MoneyDeposited', version: 3 }, data, CHANGED_TWICE)).toBe(data);
  expect(upcast({ name: 'MoneyWithdrawn', version: 1 }, data, CHANGED_TWICE)).toBe(data);
  expect(upcast({ name: 'MoneyDeposited', version: 1 }, data)).toBe(data);
});

test('a version that this Tallybook does not know is named, not guessed at', () => {
  expect(() => upcast({ name: 'MoneyDeposited', version: 4 }, {}, CHANGED_TWICE)).toThrow(
    /newer Tallybook: this one knows 3/,
  );
  expect(() => upcast({ name: 'MoneyDeposited', version: 2 }, {})).toThrow(
    /newer Tallybook: this one knows 1/,
  );
});

test.each(Object.keys(EVENT_SUBJECTS) as EventName[])(
  '%s is at its first version, and its type says so',
  (name) => {
    expect(eventType(name)).toBe(`ledger.${name}.v1`);
    expect(parseEventType(eventType(name))).toEqual({ name, version: 1 });
  },
);

test('what only looks like an event type is none', () => {
  expect(parseEventType('ledger.MoneyDeposited.v0')).toBeUndefined();
  expect(parseEventType('ledger.toString.v1')).toBeUndefined();
});
