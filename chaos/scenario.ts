/** What a scenario is: a system, and faults that it meets while clients work. */
import type { Random } from './random.ts';
import type { System, SystemNeeds } from './system.ts';

/** A fault that was injected. */
export type Fault = {
  /** In a few words, for a person: `SIGKILL`, `paused for 15 s`. */
  readonly what: string;
  /** Whom it met: a part of the system, or several. */
  readonly target: string;
  /** `Date.now()` when it began. */
  readonly from: number;
  /** `Date.now()` when what was broken was whole again as far as the suite can make it so. */
  readonly to: number;
};

/** The clients' work. It runs from before the first fault until after the last one. */
export type LoadControl = {
  /** Nobody begins anything new; resolves when nothing is under way any more, or after 30 s. */
  readonly pause: () => Promise<void>;
  readonly resume: () => void;
  /** Resolves when all that is under way now has come to an end. What begins meanwhile is not waited for. */
  readonly drained: () => Promise<void>;
  /** Commands that were acknowledged so far. */
  readonly acknowledged: () => number;
  /** How often there was no clear answer so far: 503, a broken connection, or none in time. */
  readonly unclear: () => number;
};

export type Context = {
  /** Only from here may a scenario take chance, so that the seed tells all. */
  readonly random: Random;
  /** The short set: fewer faults, shorter ones. */
  readonly short: boolean;
  /** How long it may take, if the command line said so. */
  readonly minutes: number | undefined;
  /** Aborted when the whole run is to end; `sleep` rejects then. */
  readonly signal: AbortSignal;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly log: (line: string) => void;
  readonly load: LoadControl;
};

/** Something that does not hold. */
export type Complaint = {
  /** The check in a word or two: `acknowledged, but not in the log`. */
  readonly check: string;
  /** What was found, with the command concerned. */
  readonly found: string;
};

/** What a scenario hands back. */
export type Injected = {
  readonly faults: readonly Fault[];
  /** What the scenario itself has seen go wrong, besides what the oracle looks for. */
  readonly complaints?: readonly Complaint[];
  /** Figures for the report, one line each. */
  readonly notes?: readonly string[];
};

export type Scenario = {
  /** In kebab-case, as `--only` takes it. */
  readonly name: string;
  /** What it proves, in one sentence. */
  readonly proves: string;
  /** Whether it is part of the short set. */
  readonly short: boolean;
  readonly system: SystemNeeds;
  /** Of the full load; 1 if it is not given. 0: no clients. */
  readonly loadFactor?: number;
  /** How late what waits for a time may be done: where clocks are wrong, as late as they are. */
  readonly lateMs?: number;
  /** Injects faults while the load runs. Whatever it broke is whole again when it resolves. */
  readonly inject: (system: System, context: Context) => Promise<Injected>;
  /**
   * Judges instead of the oracle, where the ledger must not be whole afterwards: a damaged store has to be noticed.
   * The load has ended by then. No complaints: as it should be.
   */
  readonly judge?: (system: System, context: Context) => Promise<readonly Complaint[]>;
};

/** Carries a fault out, and notes when it began and ended. */
export async function fault(what: string, target: string, action: () => Promise<unknown>): Promise<Fault> {
  const from = Date.now();
  await action();
  return { what, target, from, to: Date.now() };
}
