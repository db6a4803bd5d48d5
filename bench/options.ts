/** What `npm run bench` can be told. */
import { parseArgs } from 'node:util';

export type Options = {
  /** Begins of systems' names; empty: all of them. */
  readonly only: readonly string[];
  readonly rounds: number;
  /** How long each row is measured in a round. */
  readonly seconds: number;
  /** Only whether everything works. */
  readonly quick: boolean;
  /** Also a ledger of two million events and 200,000 accounts beside an empty one. */
  readonly large: boolean;
  /** Also a Tallybook in which each command has its own workflow. */
  readonly uncoalesced: boolean;
  readonly help: boolean;
};

export const HELP = `npm run bench -- [options]

Measures Tallybook over HTTP, and what people would use instead, in turns in the same run.
Writes bench/results: latest.json, latest.md, throughput.svg and latency.svg. With --only or --quick it
writes to bench/results/partial, which is not kept: bench/README.md shows a whole run.

  --only <names>     only these systems, separated by commas: tallybook, noop, sample, raw, peers,
                     or one of the peers by its name, such as postgres or dbos
  --rounds <n>       how often each row is measured; medians are shown (3)
  --seconds <n>      how long each row is measured in a round (2)
  --quick            one round of one second: whether everything works, not how fast it is
  --large            then also a ledger of two million events and 200,000 accounts beside an empty one; takes long
  --uncoalesced      also a Tallybook with COALESCING=off, in which each command has its own workflow
  --help             this text`;

/**
 * Reads the arguments.
 * @throws Error that says what is wrong with them.
 */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: '' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      large: { type: 'boolean', default: false },
      uncoalesced: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const rounds = positive('rounds', values.rounds ?? (values.quick ? '1' : '3'));
  if (!Number.isInteger(rounds)) throw new Error('--rounds must be a whole number.');
  return {
    only: values.only.split(',').flatMap((name) => name.trim() || []),
    quick: values.quick,
    rounds,
    seconds: positive('seconds', values.seconds ?? (values.quick ? '1' : '2')),
    large: values.large,
    uncoalesced: values.uncoalesced,
    help: values.help,
  };
}

/** Whether what is measured is too little to stand for a whole run. */
export function isPartial({ only, quick }: Pick<Options, 'only' | 'quick'>): boolean {
  return quick || only.length > 0;
}

/** Whether a system is measured that goes by these names. */
export function isWanted(only: readonly string[], names: readonly string[]): boolean {
  if (only.length === 0) return true;
  return names.some((name) => only.some((one) => name.startsWith(one)));
}

/**
 * Checks what was asked for.
 * @throws Error that names what there is.
 */
export function requireKnown(only: readonly string[], known: readonly string[]): void {
  for (const one of only) {
    if (isWanted([one], known)) continue;
    throw new Error(`There is no system ${one}. There are ${known.join(', ')}.`);
  }
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 3_600)) throw new Error(`--${name} must be a number above 0, not ${text}.`);
  return value;
}
