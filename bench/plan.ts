/** Which rows are measured, and in which order: what is compared comes one after the other, in every round. */
import type { Pattern } from './log/task.ts';
import type { Accounts, Operation } from './task.ts';

/** What is there to be measured. */
export type SystemPlan = {
  readonly name: string;
  readonly title: string;
} & (
  | { readonly kind: 'tallybook' }
  /** Another Tallybook, to be compared with by uniform transfers alone. */
  | {
      readonly kind: 'variant';
      readonly accounts: Accounts;
      readonly clients: readonly number[];
      /** Also over these. */
      readonly spread?: Accounts;
    }
  | { readonly kind: 'noop'; readonly start: 'eager' | 'plain' }
  /** Takes the same transfers by HTTP. */
  | {
      readonly kind: 'transfers';
      readonly slow: boolean;
      readonly several: boolean;
      readonly direct: boolean;
    }
  /** Batches of messages, without anything around them. */
  | { readonly kind: 'raw' }
);

/** How a row is measured. */
export type How =
  | {
      readonly type: 'closed';
      readonly operation: Operation;
      readonly clients: number;
      readonly pauseMs: number;
    }
  /** At half the most that its system has done in this run. */
  | { readonly type: 'half load'; readonly operation: Operation; readonly watch: boolean }
  | { readonly type: 'bulk'; readonly accounts: Accounts; readonly count: number }
  | { readonly type: 'read your writes'; readonly accounts: Accounts }
  /** In the system's own process, without HTTP; so many transfers at once. */
  | { readonly type: 'direct'; readonly clients: number; readonly batch: number }
  | { readonly type: 'raw' };

export type Row = {
  readonly system: string;
  readonly title: string;
  readonly pattern: string;
  /** None where there are none, or their number follows from the load. */
  readonly clients: number | null;
  readonly pauseMs: number;
  readonly how: How;
};

export const PATTERNS = {
  uniform: 'uniform',
  spread: 'uniform over all accounts',
  nothing: 'nothing to do',
  zipf: 'zipf 1.0',
  hotSource: 'one hot source',
  hotDestination: 'one hot destination',
  approval: 'with approval',
  bulk: 'bulk of 10,000',
  several: '100 per call',
  half: 'half load',
  reads: 'reads of own writes',
  direct: 'without HTTP',
  directSeveral: '100 per call, without HTTP',
  raw: 'raw batches',
} as const;

/** The patterns in which a request is one transfer, or one workflow. */
export const ONE_BY_ONE: ReadonlySet<string> = new Set([PATTERNS.uniform, PATTERNS.nothing]);

export const BULK = 10_000;
/** A pause in which the work behind an answer can finish. */
const PAUSE_MS = 50;
/** For the patterns, and for what is compared. */
export const CLIENTS = 256;
/** Each approval is a workflow of its own: what 256 of them ask at once would not be answered in time. */
const APPROVAL_CLIENTS = 64;
const SEVERAL = 100;
const SEVERAL_CLIENTS = 32;
/** What 1,024 clients ask of a slow system takes a minute to be answered. */
export const LOADS = { all: [1, 32, 256, 1_024], slow: [1, 32, 256] } as const;

/** All rows in their order. Half load comes last, when the most of each system is known. */
export function planRows(systems: readonly SystemPlan[], used: Used): Row[] {
  const planned = systems.flatMap((system) =>
    plannedFor(system, used).map(([stage, pattern, how]) => ({ stage, row: rowOf(system, pattern, how) })),
  );
  return STAGES.flatMap((stage) => planned.filter((one) => one.stage === stage).map(({ row }) => row));
}

type Used = { readonly accounts: Accounts; readonly readers: Accounts };

type Planned = readonly [stage: string, pattern: string, how: How];

const AT = `${CLIENTS}`;
const PAUSES = '1 with pauses';
const STAGES: readonly string[] = ['1', PAUSES, '32', AT, '1024', 'several', 'direct', 'half'];

function plannedFor(system: SystemPlan, { accounts, readers }: Used): Planned[] {
  const uniform = transfers(accounts, 'uniform');
  switch (system.kind) {
    case 'tallybook':
      return [
        ...loads(PATTERNS.uniform, uniform, LOADS.all),
        [PAUSES, PATTERNS.uniform, closed(uniform, 1, PAUSE_MS)],
        // Each right after the one that it is compared with.
        [AT, PATTERNS.hotSource, closed(transfers(accounts, 'hot source'), CLIENTS)],
        [AT, PATTERNS.hotDestination, closed(transfers(accounts, 'hot destination'), CLIENTS)],
        [AT, PATTERNS.zipf, closed(transfers(accounts, 'zipf'), CLIENTS)],
        [AT, PATTERNS.approval, closed({ type: 'approval', accounts }, APPROVAL_CLIENTS)],
        ['several', PATTERNS.bulk, { type: 'bulk', accounts, count: BULK }],
        ['half', PATTERNS.half, { type: 'half load', operation: uniform, watch: true }],
        ['half', PATTERNS.reads, { type: 'read your writes', accounts: readers }],
      ];
    case 'variant':
      return [
        ...loads(PATTERNS.uniform, transfers(system.accounts, 'uniform'), system.clients),
        ...(system.spread ? loads(PATTERNS.spread, transfers(system.spread, 'uniform'), system.clients) : []),
      ];
    case 'noop': {
      const operation = { type: 'noop', start: system.start } as const;
      const rows = loads(PATTERNS.nothing, operation, LOADS.slow);
      if (system.start === 'plain') return rows;
      return [
        ...rows,
        [PAUSES, PATTERNS.nothing, closed(operation, 1, PAUSE_MS)],
        ['half', PATTERNS.half, { type: 'half load', operation, watch: false }],
      ];
    }
    case 'transfers':
      return [
        ...loads(PATTERNS.uniform, uniform, system.slow ? LOADS.slow : LOADS.all),
        ...(system.direct ? [direct(PATTERNS.direct, CLIENTS, 1)] : []),
        ...(system.several ? severalAtOnce(accounts) : []),
        ['half', PATTERNS.half, { type: 'half load', operation: uniform, watch: false }],
      ];
    case 'raw':
      return [['several', PATTERNS.raw, { type: 'raw' }]];
  }
}

function loads(pattern: string, operation: Operation, clients: readonly number[]): Planned[] {
  return clients.map((count) => [`${count}`, pattern, closed(operation, count)]);
}

function transfers(accounts: Accounts, pattern: Pattern): Operation {
  return { type: 'transfer', accounts, pattern };
}

function closed(operation: Operation, clients: number, pauseMs = 0): How {
  return { type: 'closed', operation, clients, pauseMs };
}

function direct(pattern: string, clients: number, batch: number): Planned {
  return ['direct', pattern, { type: 'direct', clients, batch }];
}

function severalAtOnce(accounts: Accounts): Planned[] {
  const operation = { type: 'several', accounts, count: SEVERAL } as const;
  return [
    ['several', PATTERNS.several, closed(operation, SEVERAL_CLIENTS)],
    direct(PATTERNS.directSeveral, SEVERAL_CLIENTS, SEVERAL),
  ];
}

function rowOf({ name, title }: SystemPlan, pattern: string, how: How): Row {
  const pauseMs = how.type === 'closed' ? how.pauseMs : 0;
  return { system: name, title, pattern, clients: clientsOf(how), pauseMs, how };
}

function clientsOf(how: How): number | null {
  switch (how.type) {
    case 'closed':
    case 'direct':
      return how.clients;
    case 'read your writes':
      return how.accounts.count;
    case 'half load':
    case 'bulk':
    case 'raw':
      return null;
  }
}
