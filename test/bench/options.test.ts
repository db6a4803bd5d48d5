import { expect, test } from 'vitest';
import { HELP, isPartial, isWanted, readOptions, requireKnown } from '../../bench/options.ts';

test('without arguments everything is measured three times, and --quick once for a second', () => {
  expect(readOptions([])).toMatchObject({
    only: [],
    rounds: 3,
    seconds: 2,
    large: false,
    uncoalesced: false,
  });
  expect(readOptions(['--quick'])).toMatchObject({ rounds: 1, seconds: 1 });
  expect(readOptions(['--quick', '--rounds', '2'])).toMatchObject({ rounds: 2, seconds: 1 });
});

test('what makes no sense is refused with its name', () => {
  expect(() => readOptions(['--rounds', '1.5'])).toThrow('--rounds');
  expect(() => readOptions(['--seconds', '-1'])).toThrow('--seconds');
  expect(() => readOptions(['--slowly'])).toThrow('--slowly');
});

test('systems are chosen by how their names begin, and a name that there is not is refused', () => {
  const { only } = readOptions(['--only', 'tallybook, postgres']);
  expect(isWanted(only, ['tallybook'])).toBe(true);
  expect(isWanted(only, ['peers', 'postgres-function'])).toBe(true);
  expect(isWanted(only, ['peers', 'dbos-one-step'])).toBe(false);
  expect(isWanted([], ['anything'])).toBe(true);
  const known = ['tallybook', 'postgres-function'];
  expect(() => requireKnown(only, known)).not.toThrow();
  expect(() => requireKnown(['oracle'], known)).toThrow('There is no system oracle. There are tallybook, ');
});

test('the help tells of every option', () => {
  for (const name of Object.keys(readOptions([]))) expect(HELP).toContain(`--${name}`);
  expect(HELP).toContain('--quick');
});

test('a run of some systems, or a quick one, does not stand for a whole one', () => {
  expect(isPartial(readOptions([]))).toBe(false);
  expect(isPartial(readOptions(['--rounds', '5', '--large']))).toBe(false);
  expect(isPartial(readOptions(['--quick']))).toBe(true);
  expect(isPartial(readOptions(['--only', 'raw']))).toBe(true);
});
