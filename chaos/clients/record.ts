/** What clients asked, what they were answered, and what they read: all that the oracle holds against the log. */

/** Money that is added to an account, or, below zero, taken from it. */
export type Move = readonly [account: string, amount: bigint];

/** A transfer that a command makes when it succeeds, sooner or later. */
export type ExpectedTransfer = { readonly id: string; readonly moves: readonly Move[] };

export type Attempt = {
  /** `Date.now()` when it was sent, and when it was answered or given up. */
  readonly sent: number;
  readonly ended: number;
  /** Not given if there was no answer: the connection broke, or it took too long. */
  readonly status?: number | undefined;
  /** The problem's code. */
  readonly code?: string | undefined;
  /** `Ledger-Position` */
  readonly position?: number | undefined;
  readonly replayed?: boolean;
  /** The body, to be compared with that of a repetition; or what went wrong. */
  readonly text: string;
};

export type Command = {
  /** Its place in the record, and its name in complaints. */
  readonly number: number;
  /** `deposit`, `capture`… */
  readonly kind: string;
  readonly path: string;
  readonly body: object;
  readonly key: string;
  /** SHA-256 of the key: what the log keeps of it. */
  readonly keyHash: string;
  /** By which it stands in the log: one, but for a bulk, whose lines have one each. */
  readonly commandIds: readonly string[];
  /** What it makes if it is carried out. */
  readonly transfers: readonly ExpectedTransfer[];
  readonly account?: string;
  readonly hold?: string;
  /** The same request, with the same key, in order. */
  readonly attempts: Attempt[];
};

/** An account as a reader saw it. */
export type Read = {
  readonly account: string;
  /** It must not be older than this. */
  readonly minPosition: number;
  readonly at: number;
  /** 0: there was no such account. */
  readonly version: number;
  readonly posted: bigint;
  readonly held: bigint;
  readonly available: bigint;
  readonly limit: bigint;
};

export type Record = { readonly commands: readonly Command[]; readonly reads: readonly Read[] };

/** True for an answer that says what became of the command. */
export function isClear({ status }: Attempt): boolean {
  return status !== undefined && status < 500 && status !== 429;
}

/** The first answer that says what became of the command. */
export function clearResponse({ attempts }: Command): Attempt | undefined {
  return attempts.find(isClear);
}

/** True for an answer that its key gives for ever: what was done, and what the rules refused. */
export function isRecorded({ status = 0 }: Attempt): boolean {
  return (status >= 200 && status < 300) || status === 422;
}

/** The command for a person who has to find it again. */
export function describe(command: Command): string {
  const { number, kind, path, key, body, attempts } = command;
  const answers = attempts.map(({ status, code, position, text, replayed, sent, ended }) => {
    const what = status === undefined ? `nothing (${text})` : [status, code].filter(Boolean).join(' ');
    const where = position === undefined ? '' : ` at ${position}`;
    const times = `${new Date(sent).toISOString()} +${ended - sent} ms`;
    return `    ${times}: ${what}${where}${replayed ? ', replayed' : ''}`;
  });
  return [`#${number} ${kind}: POST ${path} ${JSON.stringify(body)} with the key ${key}`, ...answers].join(
    '\n',
  );
}
