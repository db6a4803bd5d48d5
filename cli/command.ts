/** What a command of the command line is, and what it is handed. */
import type { NatsConnection } from '@nats-io/transport-node';
import type { TemporalRecovery } from '../api/temporal/recovery.ts';
import type { EventReader } from '../eventlog/read/event-reader.ts';
import type { Progress } from './io/progress.ts';

/** What a process tells whoever started it. */
export const EXIT = { fine: 0, broken: 1, couldNotRun: 2 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Nothing is wrong with the ledger, but the command cannot do its work; the message is for a person. */
export class CannotRun extends Error {
  override readonly name: string = 'CannotRun';
}

/** The command was called in a wrong way. */
export class WrongUsage extends CannotRun {
  override readonly name = 'WrongUsage';
}

export type Option = {
  /** What stands for its value in the help. Without it the option is a flag. */
  readonly value?: string;
  readonly text: string;
};

/** What stands behind the command's name. */
export type Input = {
  readonly positionals: readonly string[];
  readonly flag: (name: string) => boolean;
  readonly value: (name: string) => string | undefined;
};

/** The ledger that commands are about, and where its servers are. */
export type Settings = {
  readonly ledger: string;
  readonly natsUrl: string;
  readonly databaseUrl: string;
  readonly streamReplicas: number;
};

/** Where a command writes. */
export type Terminal = {
  /** Writes data to the standard output; it is done when there is room for more. */
  readonly write: (text: string) => Promise<void>;
  /** Tells a person something that is no data. */
  readonly tell: (line: string) => void;
  readonly progress: Progress;
};

/** What a command works with. */
export type Context = Settings &
  Terminal & {
    /** Connects once. @throws Error if NATS does not answer */
    readonly connect: () => Promise<Connected>;
    /** The same with Temporal. @throws Error if it does not answer */
    readonly connectToTemporal: () => Promise<TemporalRecovery>;
  };

export type Connected = { readonly nc: NatsConnection; readonly reader: EventReader };

export type Command = {
  readonly name: string;
  /** What it takes, after its name. */
  readonly takes: string;
  readonly summary: string;
  /** The rest of its help. */
  readonly help: string;
  /** How many arguments it takes, besides options: from, to. */
  readonly positionals: readonly [number, number];
  readonly options: Readonly<Record<string, Option>>;
  readonly run: (input: Input, context: Context) => Promise<ExitCode>;
};
