/** `npm run chaos`: what it takes. */
import { parseArgs } from 'node:util';
import type { Scenario } from './scenario.ts';

export type Arguments = {
  readonly scenarios: readonly Scenario[];
  readonly seed: number;
  readonly minutes: number | undefined;
  readonly short: boolean;
};

/** The command line was wrong; the message is for a person. */
export class WrongUsage extends Error {
  override readonly name = 'WrongUsage';
}

export const HELP = `Usage: npm run chaos -- [options]

Breaks a Tallybook of real processes while clients work, and checks that nothing was lost, doubled or overspent.

Options:
  --only <names>   only these scenarios, separated by commas
  --short          the short set, with fewer and shorter faults
  --seed <n>       the same choices as in an earlier run; it is printed at the start
  --minutes <n>    how long each scenario may take that repeats its faults, or looks on
  --list           the scenarios, and what they prove
  --help, -h       this text

Exit codes: 0 all holds, 1 something does not, 2 wrong usage.`;

const OPTIONS = {
  only: { type: 'string' },
  short: { type: 'boolean' },
  seed: { type: 'string' },
  minutes: { type: 'string' },
  list: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/**
 * Takes the command line apart: what to run, or a text that was asked for.
 * @throws WrongUsage
 */
export function parse(
  args: readonly string[],
  all: readonly Scenario[],
): Arguments | { readonly text: string } {
  const values = parsed(args);
  if (values.help) return { text: HELP };
  if (values.list) return { text: listOf(all) };
  const short = values.short ?? false;
  return {
    scenarios: chosen(all, { only: values.only, short }),
    seed: number('--seed', values.seed, /^\d{1,9}$/) ?? Math.floor(Math.random() * 1_000_000),
    minutes: number('--minutes', values.minutes, /^\d{1,4}(\.\d+)?$/),
    short,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    const problem = error instanceof Error ? error.message.split('. ')[0] : String(error);
    throw new WrongUsage(`${problem}. "npm run chaos -- --help" says what it takes.`, { cause: error });
  }
}

function chosen(
  all: readonly Scenario[],
  { only, short }: { only: string | undefined; short: boolean },
): readonly Scenario[] {
  if (only === undefined) return all.filter((scenario) => !short || scenario.short);
  return only.split(',').map((name) => {
    const found = all.find((scenario) => scenario.name === name.trim());
    if (!found) throw new WrongUsage(`There is no scenario "${name}". "npm run chaos -- --list" lists them.`);
    return found;
  });
}

function number(option: string, text: string | undefined, pattern: RegExp): number | undefined {
  if (text === undefined) return undefined;
  if (!pattern.test(text)) throw new WrongUsage(`${option} takes a number, not "${text}".`);
  return Number(text);
}

function listOf(all: readonly Scenario[]): string {
  const width = Math.max(...all.map(({ name }) => name.length));
  return all
    .map(({ name, proves, short }) => `${name.padEnd(width)}  ${proves}${short ? ' (in the short set)' : ''}`)
    .join('\n');
}
