/**
 * What travels through Temporal: a command on the way in, its result on the way out. Plain JSON with decimal
 * strings, readable in the Temporal UI; Temporal's converter throws on a bigint.
 */
import type { AccountResource, HoldResource, TransferResource } from '../contracts/http.ts';
import type { PaymentOutcome } from '../contracts/rails.ts';
import type { HoldCommand } from '../domain/hold.ts';
import type { TransferStep } from '../domain/ledger-transfers.ts';
import type { Command } from '../domain/ledger.ts';
import { defined } from '../domain/optional-fields.ts';
import type { Rejection, RejectionCode } from '../domain/rejections.ts';

export type CommandMeta = {
  /** Unique to this request; a retry of the same request has the same one. */
  readonly command_id: string;
  /** When it arrived, RFC 3339. */
  readonly requested_at: string;
  readonly actor: string;
  /** SHA-256 of what was asked for: the route and the validated body. */
  readonly fingerprint: string;
  /** SHA-256 of the Idempotency-Key. */
  readonly idempotency_key?: string;
  /**
   * What the receipt of a command that makes no transfer is filed under: the id that a transfer with the same key has, so
   * that a key stands for one of the two. The key's hash if it is not given.
   */
  readonly receipt_id?: string;
  readonly traceparent?: string;
};

/** Free text and links that any transfer may have. */
type Described = {
  readonly reference?: string;
  readonly metadata?: Readonly<Record<string, string>>;
};

/** A transfer between two accounts: at once, or when it has waited for what is given here. */
export type MovementRequest = CommandMeta &
  Described & {
    readonly type: 'transfer';
    readonly id: string;
    readonly kind: 'deposit' | 'withdrawal' | 'transfer';
    readonly source: string;
    readonly destination: string;
    readonly amount: string;
    readonly currency: string;
    /** RFC 3339: until when it may be approved. */
    readonly approval_expires_at?: string;
    /** RFC 3339. */
    readonly scheduled_for?: string;
    readonly rail?: string;
    readonly schedule?: string;
    readonly bulk?: string;
  };

export type TransactionRequest = CommandMeta &
  Described & {
    readonly type: 'transaction';
    readonly id: string;
    readonly entries: readonly {
      readonly account: string;
      readonly direction: 'debit' | 'credit';
      readonly amount: string;
      readonly currency: string;
    }[];
  };

export type ReversalRequest = CommandMeta &
  Described & {
    readonly type: 'reversal';
    readonly id: string;
    readonly reverses: string;
    /** All that is left if it is not given. */
    readonly amount?: string;
  };

/** A request that makes a transfer. */
export type TransferRequest = MovementRequest | TransactionRequest | ReversalRequest;

/** What people do to a transfer that waits. */
export type DecisionRequest = CommandMeta & {
  readonly type: 'transfer.approve' | 'transfer.reject' | 'transfer.cancel';
  readonly id: string;
  readonly reason?: string;
};

/** An operator has found out what became of a transfer that is parked. */
export type ResolveRequest = CommandMeta & {
  readonly type: 'transfer.resolve';
  readonly id: string;
  readonly outcome: 'completed' | 'failed';
  readonly reason?: string;
};

/** A rail says what became of a transfer that it was given. It changes nothing if it is too late. */
export type RailReportRequest = CommandMeta & {
  readonly type: 'transfer.railReported';
  readonly id: string;
  readonly rail: string;
} & PaymentOutcome;

/** What its workflow does to a transfer that waits. It changes nothing if it was done, or is too late. */
export type TransferStepRequest = CommandMeta & { readonly id: string } & (
    | { readonly type: 'transfer.complete' | 'transfer.expire' }
    | { readonly type: 'transfer.fail'; readonly code: RejectionCode; readonly detail: string }
    | { readonly type: 'transfer.park'; readonly reason: string }
  );

export type HoldRequest = CommandMeta & { readonly id: string } & (
    | (Described & {
        readonly type: 'hold.place';
        readonly account: string;
        readonly amount: string;
        readonly currency: string;
        readonly destination?: string;
        /** RFC 3339. */
        readonly expires_at?: string;
      })
    | {
        readonly type: 'hold.capture';
        /** The id of the transfer that moves the money. */
        readonly transfer: string;
        readonly amount?: string;
        readonly destination?: string;
      }
    | { readonly type: 'hold.void'; readonly reason?: string }
    | { readonly type: 'hold.extend'; readonly expires_at: string }
    /** From its timer: it changes nothing if the hold has ended, or expires later now. */
    | { readonly type: 'hold.expire'; readonly expires_at: string }
  );

export type AccountRequest = CommandMeta & { readonly id: string } & (
    | {
        readonly type: 'account.create';
        readonly owner: string;
        readonly currency: string;
        readonly overdraft_limit: string;
        readonly metadata?: Readonly<Record<string, string>>;
      }
    | {
        readonly type: 'account.update';
        readonly overdraft_limit: string;
        /** The version that the account must have. */
        readonly if_version?: number;
      }
    | { readonly type: 'account.freeze' | 'account.unfreeze' | 'account.close'; readonly reason?: string }
  );

export type CommandRequest =
  | TransferRequest
  | DecisionRequest
  | ResolveRequest
  | RailReportRequest
  | TransferStepRequest
  | HoldRequest
  | AccountRequest;

/** A request whose time the worker fills in when it carries it out: those of workflows, which have no clock. */
export type Unstamped<Request extends CommandRequest = CommandRequest> = Request extends CommandRequest
  ? Omit<Request, 'requested_at'> & { readonly requested_at?: string }
  : never;

/** How a workflow is to treat its command. */
export type CarryOutOptions = {
  /**
   * What a full queue means. `fail`: somebody waits, and is told at once that nothing was done. `retry`, as without
   * it: the command was promised, and is tried until there is room.
   */
  readonly onOverload?: 'fail' | 'retry';
};

export type CommandResult = {
  /** The ledger position that shows the outcome. */
  readonly position: number;
  /** True if the log had the outcome already. */
  readonly replayed: boolean;
  readonly transfer?: TransferResource;
  readonly account?: AccountResource;
  readonly hold?: HoldResource;
  /** True if the command created the resource. */
  readonly created: boolean;
  /** Set on a recorded rejection. */
  readonly rejection?: Rejection;
};

/** What became of one command of a batch. */
export type BatchItemResult =
  | { readonly result: CommandResult }
  | { readonly error: Rejection }
  /** Nothing was done with this one, or a bug stood in its way. */
  | { readonly failure: 'overloaded' | 'internal_error'; readonly detail: string };

export type BatchOptions = {
  /** The worker hands the results to whoever waits in the same process: they need not go through Temporal. */
  readonly localOutcomesOnly: boolean;
};

/** What became of the commands of a batch: how many, and each one in order unless they went to local outcomes only. */
export type BatchResult = {
  readonly recorded: number;
  readonly errors: number;
  readonly failed: number;
  readonly results?: readonly BatchItemResult[];
};

/** True for a request that makes a transfer. */
export function makesTransfer(request: CommandRequest): request is TransferRequest {
  return request.type === 'transfer' || request.type === 'transaction' || request.type === 'reversal';
}

/** The command in the domain's terms: money as bigint. */
export function toCommand(request: CommandRequest): Command {
  const { id } = request;
  switch (request.type) {
    case 'transfer': {
      const { kind, source, destination, currency, rail, schedule, bulk } = request;
      const amount = BigInt(request.amount);
      const { approval_expires_at: approvalExpiresAt, scheduled_for: scheduledFor } = request;
      const terms = { kind, source, destination, amount, currency, ...described(request) };
      const optional = defined({ approvalExpiresAt, scheduledFor, rail, schedule, bulk });
      return { type: 'transfer', id, terms: { ...terms, ...optional } };
    }
    case 'transaction': {
      const entries = request.entries.map((entry) => ({ ...entry, amount: BigInt(entry.amount) }));
      return { type: 'transfer', id, terms: { kind: 'transaction', entries, ...described(request) } };
    }
    case 'reversal': {
      const { reverses } = request;
      const amount = request.amount === undefined ? {} : { amount: BigInt(request.amount) };
      return { type: 'reversal', id, reverses, ...amount, terms: described(request) };
    }
    case 'transfer.approve': {
      const step = {
        type: 'approve',
        at: request.requested_at,
        ...defined({ reason: request.reason }),
      } as const;
      return { type: 'step', id, step };
    }
    case 'transfer.reject':
    case 'transfer.cancel': {
      const type = request.type === 'transfer.reject' ? 'reject' : 'cancel';
      return { type: 'step', id, step: { type, ...defined({ reason: request.reason }) } };
    }
    case 'transfer.resolve': {
      const { outcome, reason } = request;
      return { type: 'step', id, step: { type: 'resolve', outcome, ...defined({ reason }) } };
    }
    case 'transfer.complete':
      return { type: 'step', id, step: { type: 'complete' } };
    case 'transfer.expire':
      return { type: 'step', id, step: { type: 'expire' } };
    case 'transfer.fail': {
      const { code, detail } = request;
      return { type: 'step', id, step: { type: 'fail', rejection: { code, detail: readable(detail) } } };
    }
    case 'transfer.park':
      return { type: 'step', id, step: { type: 'park', reason: readable(request.reason) } };
    case 'transfer.railReported':
      return { type: 'step', id, step: toRailStep(request) };
    case 'hold.place':
    case 'hold.capture':
    case 'hold.void':
    case 'hold.extend':
    case 'hold.expire':
      return { type: 'hold', id, step: toHoldCommand(request), at: request.requested_at };
    case 'account.create': {
      const { owner, currency, metadata = {} } = request;
      const overdraftLimit = BigInt(request.overdraft_limit);
      return { type: 'account', id, command: { type: 'create', owner, currency, overdraftLimit, metadata } };
    }
    case 'account.update': {
      const command = { type: 'update', overdraftLimit: BigInt(request.overdraft_limit) } as const;
      return { type: 'account', id, command, ...defined({ ifVersion: request.if_version }) };
    }
    case 'account.freeze':
    case 'account.unfreeze':
    case 'account.close': {
      const type = request.type.slice('account.'.length) as 'freeze' | 'unfreeze' | 'close';
      return { type: 'account', id, command: { type, ...defined({ reason: request.reason }) } };
    }
  }
}

function toRailStep({ rail, state, reason }: RailReportRequest): TransferStep {
  const because = reason === undefined ? '.' : `: ${reason}`;
  switch (state) {
    case 'settled':
      return { type: 'complete', rail };
    case 'declined': {
      const detail = `The rail ${rail} declined the payment${because}`;
      return { type: 'fail', rail, rejection: { code: 'rail_declined', detail } };
    }
    case 'unknown':
      return {
        type: 'park',
        rail,
        reason: `The rail ${rail} does not know the outcome of the payment${because}`,
      };
  }
}

function toHoldCommand(request: HoldRequest): HoldCommand {
  switch (request.type) {
    case 'hold.place': {
      const { account, currency, destination, expires_at: expiresAt } = request;
      const terms = { account, amount: BigInt(request.amount), currency, ...defined({ destination }) };
      return { type: 'place', terms: { ...terms, ...described(request) }, ...defined({ expiresAt }) };
    }
    case 'hold.capture': {
      const { transfer, destination } = request;
      const amount = request.amount === undefined ? {} : { amount: BigInt(request.amount) };
      return { type: 'capture', transfer, ...amount, ...defined({ destination }) };
    }
    case 'hold.void':
      return { type: 'void', ...defined({ reason: request.reason }) };
    case 'hold.extend':
    case 'hold.expire':
      return {
        type: request.type === 'hold.extend' ? 'extend' : 'expire',
        expiresAt: request.expires_at,
      };
  }
}

function described({ reference, metadata = {}, requested_at: requestedAt }: CommandMeta & Described) {
  return { ...defined({ reference }), metadata, requestedAt };
}

/** Text from another system or of an error, as every store on the way takes it. */
function readable(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/\p{Cc}+/gu, ' ')
    .slice(0, 500);
}
