/**
 * What travels through Temporal: a command on the way in, an answer on the way out. Plain JSON with decimal
 * strings, readable in the Temporal UI; Temporal's converter throws on a bigint.
 */
import type { Command } from '../domain/ledger.ts';
import type { RejectionCode } from '../domain/rejections.ts';
import type { AccountResource, TransferResource } from './http.ts';

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
  readonly traceparent?: string;
};

export type TransferRequest = CommandMeta & {
  readonly type: 'transfer';
  readonly id: string;
  readonly kind: 'deposit' | 'withdrawal' | 'transfer';
  readonly source: string;
  readonly destination: string;
  readonly amount: string;
  readonly currency: string;
  readonly reference?: string;
  readonly metadata?: Readonly<Record<string, string>>;
};

export type AccountRequest = CommandMeta & { readonly id: string } & (
    | {
        readonly type: 'account.create';
        readonly owner: string;
        readonly currency: string;
        readonly overdraft_limit: string;
        readonly metadata?: Readonly<Record<string, string>>;
      }
    | { readonly type: 'account.freeze' | 'account.unfreeze' | 'account.close'; readonly reason?: string }
  );

export type CommandRequest = TransferRequest | AccountRequest;

/** How a workflow is to treat its command. */
export type CarryOutOptions = {
  /**
   * What a full queue means. `fail`: somebody waits, and is told at once that nothing was done. `retry`, as without
   * it: the command was promised, and is tried until there is room.
   */
  readonly onOverload?: 'fail' | 'retry';
};

export type Answer = {
  /** The ledger position that shows the outcome. */
  readonly position: number;
  /** True if the log had the outcome already. */
  readonly replayed: boolean;
  readonly transfer?: TransferResource;
  readonly account?: AccountResource;
  /** True if the command created the resource. */
  readonly created: boolean;
  /** Set on a recorded rejection. */
  readonly rejection?: Refusal;
};

/** Why a command was refused. */
export type Refusal = { readonly code: RejectionCode; readonly detail: string };

/** The command in the domain's terms: money as bigint. */
export function toCommand(request: CommandRequest): Command {
  switch (request.type) {
    case 'transfer': {
      const { id, kind, source, destination, currency, reference, metadata = {} } = request;
      const optional = reference === undefined ? {} : { reference };
      const amount = BigInt(request.amount);
      const terms = { kind, source, destination, amount, currency, metadata, ...optional };
      return { type: 'transfer', id, terms: { ...terms, requestedAt: request.requested_at } };
    }
    case 'account.create': {
      const { id, owner, currency, metadata = {} } = request;
      const overdraftLimit = BigInt(request.overdraft_limit);
      return {
        type: 'account',
        id,
        command: { type: 'create', owner, currency, overdraftLimit, metadata },
      };
    }
    case 'account.freeze':
    case 'account.unfreeze':
    case 'account.close': {
      const type = request.type.slice('account.'.length) as 'freeze' | 'unfreeze' | 'close';
      const reason = request.reason === undefined ? {} : { reason: request.reason };
      return { type: 'account', id: request.id, command: { type, ...reason } };
    }
  }
}
