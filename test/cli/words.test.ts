import { describe, expect, test } from 'vitest';
import { createProgress } from '../../cli/io/progress.ts';
import { createTable } from '../../cli/io/table.ts';
import { parseAnchor, parseAt, parseType } from '../../cli/argument-values.ts';

function progressOn(isTTY: boolean) {
  const written: string[] = [];
  const clock = { now: 0 };
  const stream = { isTTY, write: (text: string) => written.push(text) > 0 };
  return { written, clock, progress: createProgress(stream, () => clock.now) };
}

describe('what is typed', () => {
  test('a position, or a time in any zone', () => {
    expect(parseAt('0')).toEqual({ position: 0 });
    expect(parseAt('1234567')).toEqual({ position: 1_234_567 });
    expect(parseAt('2026-11-23T08:00:00Z')).toEqual({ time: '2026-11-23T08:00:00.000Z' });
    expect(parseAt('2026-11-23T08:00:00.5+02:00')).toEqual({ time: '2026-11-23T06:00:00.500Z' });
    for (const wrong of ['', '-1', '1.5', '2026-11-23', '2026-13-23T08:00:00Z', 'now']) {
      expect(() => parseAt(wrong)).toThrow(/neither a position nor a time/);
    }
  });

  test('a type, by its name or in full', () => {
    expect(parseType('MoneyDeposited')).toBe('ledger.MoneyDeposited.v1');
    expect(parseType('ledger.MoneyDeposited.v1')).toBe('ledger.MoneyDeposited.v1');
    expect(parseType('HoldPlaced')).toBe('ledger.HoldPlaced.v1');
    expect(() => parseType('toString')).toThrow(/no event type/);
  });

  test('an anchor', () => {
    const digest = 'a1'.repeat(32);
    expect(parseAnchor(`7:${digest}`)).toEqual({ position: 7, digest });
    expect(() => parseAnchor(`7:${digest}0`)).toThrow(/<position>:<digest>/);
  });
});

describe('a table', () => {
  test('has headings once, and columns that only get wider', () => {
    const table = createTable([{ heading: 'n', right: true }, { heading: 'name' }]);
    expect(table([['1', 'alice']])).toBe('n  name\n1  alice\n');
    expect(
      table([
        ['100', ''],
        ['7', 'b'],
      ]),
    ).toBe('100\n  7  b\n');
  });
});

describe('progress', () => {
  test('rewrites one line on a terminal', () => {
    const { written, clock, progress } = progressOn(true);
    progress.tell('Checked', 10, 5_000);
    clock.now = 1_000;
    progress.tell('Checked', 2_010, 5_000);
    clock.now = 1_100;
    progress.tell('Checked', 2_500, 5_000);
    progress.clear();
    expect(written).toEqual([
      '\r\u001B[KChecked [########............] 2,010 of 5,000 (40 %), 2,000/s, 2 s left',
      '\r\u001B[K',
    ]);
  });

  test('is a line every few seconds elsewhere', () => {
    const { written, clock, progress } = progressOn(false);
    for (clock.now = 0; clock.now <= 12_000; clock.now += 100) progress.tell('Sent', clock.now);
    progress.clear();
    expect(written).toEqual(['Sent 5,000, 1,000/s\n', 'Sent 10,000, 1,000/s\n']);
  });
});
