import { describe, expect, test } from 'vitest';
import { hold, type HoldCommand, type HoldEvent, type HoldTerms } from '../../domain/hold.ts';
import { specify } from '../support/events/decider-spec.ts';

const terms: HoldTerms = {
  account: 'alice',
  amount: 100n,
  currency: 'EUR',
  metadata: {},
  requestedAt: '2026-01-01T00:00:00.000Z',
};
const NOON = '2026-01-01T12:00:00.000Z';
const NIGHT = '2026-01-01T20:00:00.000Z';

const placed: HoldEvent = { type: 'HoldPlaced', terms };
const placedTillNoon: HoldEvent = { type: 'HoldPlaced', terms, expiresAt: NOON };
const extended: HoldEvent = { type: 'HoldExtended', terms, expiresAt: NIGHT };
const captured = (amount: bigint): HoldEvent => {
  return { type: 'HoldCaptured', terms, transfer: 't', captured: amount };
};
const voided: HoldEvent = { type: 'HoldVoided', terms };
const expired: HoldEvent = { type: 'HoldExpired', terms, expiresAt: NOON };

const h = specify(hold, 'h');

describe('placing a hold', () => {
  test('it is active until it ends', () => {
    h.given().when({ type: 'place', terms }).then(placed);
    h.given().when({ type: 'place', terms, expiresAt: NOON }).then(placedTillNoon);
    expect(hold.evolve(hold.initialState('h'), placed)).toEqual({ id: 'h', status: 'active', terms });
  });
  test('it is placed once: only a bug asks for that again', () => {
    expect(() => h.given(placed).when({ type: 'place', terms })).toThrow(/placed once/);
  });
});

describe('capturing', () => {
  test('takes all of it if no amount is given, and a part if one is', () => {
    h.given(placed).when({ type: 'capture', transfer: 't' }).then(captured(100n));
    h.given(placed).when({ type: 'capture', transfer: 't', amount: 100n }).then(captured(100n));
    h.given(placed).when({ type: 'capture', transfer: 't', amount: 1n }).then(captured(1n));
  });
  test('takes no more than is held', () => {
    h.given(placed)
      .when({ type: 'capture', transfer: 't', amount: 101n })
      .thenRejected('amount_exceeds_hold');
  });
  test('keeps the time that it would have expired at', () => {
    h.given(placedTillNoon)
      .when({ type: 'capture', transfer: 't' })
      .then({ ...captured(100n), expiresAt: NOON });
  });
});

describe('voiding', () => {
  test('lets all of it go, with a reason if there is one', () => {
    h.given(placed).when({ type: 'void' }).then(voided);
    h.given(placed)
      .when({ type: 'void', reason: 'no show' })
      .then({ ...voided, reason: 'no show' });
  });
});

describe('extending', () => {
  test('puts the time off, and nobody loses time by asking for less', () => {
    h.given(placedTillNoon).when({ type: 'extend', expiresAt: NIGHT }).then(extended);
    h.given(placedTillNoon).when({ type: 'extend', expiresAt: NOON }).thenNothing();
    h.given(placedTillNoon, extended).when({ type: 'extend', expiresAt: NOON }).thenNothing();
  });
  test('gives a time to a hold that had none', () => {
    h.given(placed).when({ type: 'extend', expiresAt: NIGHT }).then(extended);
  });
});

describe('expiring', () => {
  test('ends a hold whose time has come', () => {
    h.given(placedTillNoon).when({ type: 'expire', expiresAt: NOON }).then(expired);
  });
  test('changes nothing if the time was put off, has never been, or the hold has ended', () => {
    h.given(placedTillNoon, extended).when({ type: 'expire', expiresAt: NOON }).thenNothing();
    h.given(placed).when({ type: 'expire', expiresAt: NOON }).thenNothing();
    h.given(placedTillNoon, voided).when({ type: 'expire', expiresAt: NOON }).thenNothing();
    h.given(placedTillNoon, expired).when({ type: 'expire', expiresAt: NOON }).thenNothing();
  });
});

const COMMANDS: readonly HoldCommand[] = [
  { type: 'capture', transfer: 't' },
  { type: 'capture', transfer: 't', amount: 101n },
  { type: 'void' },
  { type: 'extend', expiresAt: NIGHT },
];

describe.each([
  { end: 'captured', event: captured(40n) },
  { end: 'voided', event: voided },
  { end: 'expired', event: expired },
])('a hold that is $end', ({ end, event }) => {
  test.each(COMMANDS)('has ended: $type is refused, before anything about the amount', (command) => {
    h.given(placedTillNoon, event).when(command).thenRejected('hold_not_active');
  });
  test('says how it ended', () => {
    const state = hold.evolve(hold.evolve(hold.initialState('h'), placedTillNoon), event);
    expect(state.status).toBe(end);
  });
});

test.each([...COMMANDS, { type: 'expire', expiresAt: NOON } as const])(
  'to a hold that does not exist nothing happens: $type',
  (command) => {
    h.given().when(command).thenRejected('hold_not_found');
  },
);
