/** What `npm run chaos` takes, what it prints, and that a seed makes the same choices again. */
import { describe, expect, test } from 'vitest';
import { parse, WrongUsage } from '../../chaos/command-line.ts';
import { createRandom } from '../../chaos/random.ts';
import { failureOf, tableOf } from '../../chaos/report.ts';
import type { Result } from '../../chaos/run-scenario.ts';
import type { Scenario } from '../../chaos/scenario.ts';
import { SCENARIOS } from '../../chaos/scenarios.ts';

const inject: Scenario['inject'] = () => Promise.resolve({ faults: [] });
const scenario = (name: string, short: boolean): Scenario => {
  return { name, proves: `What ${name} proves.`, short, system: { workers: 1 }, inject };
};
const ALL = [scenario('one', false), scenario('two', true)];

const namesOf = (args: string[]) => {
  const parsed = parse(args, ALL);
  return 'scenarios' in parsed ? parsed.scenarios.map(({ name }) => name) : [];
};

describe('the command line', () => {
  test('runs all scenarios, or the short set, or those that are named', () => {
    expect(namesOf([])).toEqual(['one', 'two']);
    expect(namesOf(['--short'])).toEqual(['two']);
    expect(namesOf(['--only', 'two, one'])).toEqual(['two', 'one']);
  });

  test('takes a seed and minutes, and draws a seed if it is given none', () => {
    expect(parse(['--seed', '7', '--minutes', '1.5'], ALL)).toMatchObject({
      seed: 7,
      minutes: 1.5,
      short: false,
    });
    expect(parse([], ALL)).toMatchObject({ seed: expect.any(Number), minutes: undefined });
  });

  test.each([[['--sede', '7']], [['--only', 'three']], [['--seed', 'x']], [['--minutes', '-1']], [['one']]])(
    '%j is wrong, and told in a sentence',
    (args) => {
      expect(() => parse(args, ALL)).toThrow(WrongUsage);
    },
  );

  test('lists what each scenario proves', () => {
    const listed = parse(['--list'], ALL);
    expect('text' in listed && listed.text).toContain('two  What two proves. (in the short set)');
  });

  test('no two scenarios have the same name, and the short set is not empty', () => {
    expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
    expect(SCENARIOS.some(({ short }) => short)).toBe(true);
  });
});

function draws(seed: number) {
  const random = createRandom(seed);
  return [random.next(), random.between(1, 6), random.pick(['a', 'b', 'c']), random.shuffled([1, 2, 3, 4])];
}

describe('chance', () => {
  test('a seed draws the same again, and another one draws otherwise', () => {
    expect(draws(1)).toEqual(draws(1));
    expect(draws(1)).not.toEqual(draws(2));
  });

  test('what one part draws does not change what another one draws', () => {
    const [one, other] = [createRandom(1), createRandom(1)];
    other.next();
    expect(one.fork('load').next()).toBe(other.fork('load').next());
    expect(one.fork('load').next()).not.toBe(one.fork('faults').next());
  });

  test('numbers stay in their range, and all of them come', () => {
    const random = createRandom(3);
    const drawn = new Set(Array.from({ length: 200 }, () => random.between(1, 6)));
    expect(drawn).toEqual(new Set([1, 2, 3, 4, 5, 6]));
  });
});

describe('the report', () => {
  const result: Result = {
    scenario: 'one',
    faults: [{ what: 'SIGKILL', target: 'nats', from: 1, to: 2 }],
    commands: 10,
    acknowledged: 9,
    lost: 1,
    doubled: 0,
    recovery: [1_000, 3_000, 2_000],
    complaints: [{ check: 'acknowledged, but not in the log', found: '#3 deposit' }],
    notes: [],
    seconds: 1,
    dataDir: '/somewhere',
  };

  test('shows a row for each scenario', () => {
    expect(tableOf([result]).split('\n').at(-1)).toMatch(
      /^\| one +\| +1 \| +10 \| +9 \| +1 \| +0 \| +2\.0 s, at most 3\.0 s \| 1 complaints +\|$/,
    );
  });

  test('a failure tells the seed, the check, the command, and where the data is', () => {
    const told = failureOf(result, 42);
    for (const part of ['--seed 42', 'acknowledged, but not in the log', '#3 deposit', '/somewhere']) {
      expect(told).toContain(part);
    }
  });
});
