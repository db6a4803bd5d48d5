import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HASHED_HEADERS } from '../../../eventlog/wire/codec.ts';
import { createTestLog, type TestLog } from '../../support/events/events.ts';
import {
  anchorOf,
  audit,
  forge,
  renumber,
  storedMessages,
  type Stored,
} from '../../support/events/stored-messages.ts';
import { replaced, someLog, withHeader } from './forgeries.ts';

const NOW = '2026-01-01T00:00:00.000Z';
const ids = ['a', 'b', 'c', 'd'];

type Movement = { readonly from: number; readonly to: number; readonly amount: bigint };

/** What may be done with some money: each as its own command, and as what may follow it. */
const DEEDS: readonly ((log: TestLog, movement: Movement, number: number) => void)[] = [
  (log, { from, to, amount }) => log.move([ids[from]!, ids[to]!], amount),
  (log, { from }) => log.receipt(ids[from]!),
  (log, { from, to, amount }, number) => {
    log.move([ids[from]!, ids[to]!], amount, { id: `w${number}`, approvalExpiresAt: NOW });
    const step = number % 2 === 0 ? ({ type: 'approve', at: NOW } as const) : ({ type: 'expire' } as const);
    log.run({ type: 'step', id: `w${number}`, step });
  },
  (log, { from, to, amount }, number) => {
    const terms = { account: ids[from]!, amount, currency: 'EUR', metadata: {}, requestedAt: NOW };
    const id = `h${number}`;
    log.run({ type: 'hold', id, step: { type: 'place', terms }, at: NOW });
    const capture = { type: 'capture', transfer: `c${number}`, destination: ids[to]! } as const;
    log.run({ type: 'hold', id, step: number % 2 === 0 ? capture : { type: 'void' }, at: NOW });
  },
  (log, { from, to, amount }, number) => {
    const id = `t${number}`;
    log.move([ids[from]!, ids[to]!], amount, { id });
    const terms = { metadata: {}, requestedAt: NOW };
    log.run({ type: 'reversal', id: `r${number}`, reverses: id, terms });
  },
];

/** A log of random deeds with a few accounts, in batches of one command. */
const randomLog = fc
  .array(
    fc.record({
      deed: fc.constantFrom(...DEEDS),
      from: fc.nat(3),
      to: fc.nat(3),
      amount: fc.bigInt(1n, 200n),
    }),
    { minLength: 3, maxLength: 12 },
  )
  .map((deeds) => {
    const log = createTestLog();
    for (const id of ids) log.open(id);
    for (const id of ids) log.deposit(id, 100n);
    for (const [number, { deed, ...movement }] of deeds.entries()) deed(log, movement, number);
    return storedMessages(log.events);
  });

/** A random whole number below a limit that is known only later. */
const pick = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const below = (limit: number, share: number) => Math.floor(share * limit);
const inBatch = (message: Stored) => message.headers.has('Nats-Batch-Id');

test('a log of whatever deeds has no finding', () => {
  fc.assert(
    fc.property(randomLog, (log) => {
      expect(audit(log)).toBeUndefined();
    }),
  );
});

describe('whatever is tampered with is found', () => {
  test('a byte of the data of any message', () => {
    fc.assert(
      fc.property(
        randomLog,
        fc.tuple(pick, pick),
        fc.integer({ min: 1, max: 255 }),
        (log, [which, where], flip) => {
          const target = log[below(log.length, which)]!;
          target.data = Buffer.from(target.data);
          target.data[below(target.data.length, where)]! ^= flip;
          expect(audit(log)).toMatchObject({ code: 'hash', position: target.seq });
        },
      ),
    );
  });

  test('any hashed header of any message: altered, or taken away', () => {
    const header = fc.constantFrom(...HASHED_HEADERS, 'ce-hash');
    fc.assert(
      fc.property(
        randomLog,
        pick,
        fc.tuple(header, fc.option(fc.string({ minLength: 1 }))),
        (log, which, [name, value]) => {
          const target = log[below(log.length, which)]!;
          fc.pre(target.headers.get(name) !== value);
          if (value === null) target.headers.delete(name);
          else target.headers.set(name, value);
          expect(audit(log)).toMatchObject({ position: target.seq });
        },
      ),
    );
  });

  test('the subject or the position of any message', () => {
    fc.assert(
      fc.property(randomLog, pick, fc.boolean(), (log, which, moved) => {
        const at = below(log.length, which);
        const { seq, subject } = log[at]!;
        const altered = moved ? { ...log[at]!, seq: seq + 1 } : { ...log[at]!, subject: `${subject}x` };
        expect(audit(log.with(at, altered))).toBeDefined();
      }),
    );
  });

  test('any message that was removed, whether its place stays empty or not', () => {
    fc.assert(
      fc.property(randomLog, pick, fc.boolean(), (log, which, closed) => {
        const at = below(log.length, which);
        const without = log.toSpliced(at, 1);
        const found = audit(closed ? renumber(without) : without);
        // Nothing comes after the last one: if it stood alone, only an anchor tells.
        if (inBatch(log[at]!) || at < log.length - 1) expect(found).toBeDefined();
        expect(audit(closed ? renumber(without) : without, [anchorOf(log)])).toBeDefined();
      }),
    );
  });

  test('any two neighbours that were swapped', () => {
    fc.assert(
      fc.property(randomLog, pick, (log, which) => {
        const at = below(log.length - 1, which);
        const swapped = renumber(log.with(at, log[at + 1]!).with(at + 1, log[at]!));
        expect(audit(swapped)).toBeDefined();
        expect(audit(swapped, [anchorOf(log)])).toBeDefined();
      }),
    );
  });
});

describe('an anchor', () => {
  const whole = someLog();
  test('holds for the log that it was made of, also when that has grown', () => {
    expect(audit(whole, [anchorOf(whole)])).toBeUndefined();
    expect(audit(whole, [anchorOf(whole.slice(0, 8))])).toBeUndefined();
  });

  test('finds an end that was cut off, which nothing else can', () => {
    expect(audit(whole.slice(0, 9))).toBeUndefined();
    expect(audit(whole.slice(0, 9), [anchorOf(whole)])).toMatchObject({ code: 'anchor', position: 9 });
  });

  test('finds a log that was forged as a whole', () => {
    const forged = forge(replaced(whole, 6, withHeader('ce-actor', 'eve')));
    expect(audit(forged)).toBeUndefined();
    expect(audit(forged, [anchorOf(whole)])).toMatchObject({ code: 'anchor', position: 13 });
  });
});
