/** What an audit of the log may find. */

/** Which check failed. */
export type FindingCode =
  /** A position is missing, or comes twice. */
  | 'sequence'
  /** The subject is none of this ledger, or not that of the event. */
  | 'subject'
  /** A header is missing, wrong, or covered by no hash. */
  | 'header'
  /** The event is of a type or a version that this Tallybook does not know. */
  | 'unknown_event'
  /** The data are not what the event's schema asks for. */
  | 'data'
  /** The hash is not that of the message. */
  | 'hash'
  /** The version does not follow the aggregate's last one. */
  | 'version'
  /** The previous hash is not the aggregate's last one. */
  | 'chain'
  /** The event was stored behind another position than it now is. */
  | 'guard'
  /** The events of one command are not all there, or not in their order. */
  | 'order'
  /** An atomic batch is not whole, or two are mixed. */
  | 'batch'
  /** A transfer does not have exactly its movements, or a movement no transfer. */
  | 'transfer'
  /** A transfer undoes another, or captures a hold, and that one does not say so; or the other way round. */
  | 'counterpart'
  /** What was asked for of a transfer or a hold is not what its earlier events say, or not what it does. */
  | 'terms'
  /** Money is held for nothing, not released once and whole, or less than nothing is held. */
  | 'reservation'
  /** More of a transfer has been undone than it moved, or what is said of it does not add up. */
  | 'reversed'
  /** The posted balances of a currency do not sum to zero. */
  | 'sum'
  /** What an account event says of the state after it is not what the events say. */
  | 'balance'
  /** An account has less than nothing available. */
  | 'overdrawn'
  /** Something happens to an aggregate at a time of its life when it cannot: before it begins, twice, after its end. */
  | 'lifecycle'
  /** The log up to a position is not the one that was noted. */
  | 'anchor'
  /** The read model is not what the log says. */
  | 'read_model';

/** The first thing that is wrong, and with which event. */
export type Finding = {
  readonly position: number;
  readonly subject: string;
  /** The CloudEvents type, as the message says; empty if it says none. */
  readonly event: string;
  readonly code: FindingCode;
  readonly message: string;
};

/** The event that a finding is about. */
export type Location = Pick<Finding, 'position' | 'subject' | 'event'>;

/**
 * Thrown by a single check, and turned into a finding by the audit. Without a location it is about the message in hand.
 */
export class AuditError extends Error {
  override readonly name = 'AuditError';
  readonly code: FindingCode;
  readonly location: Location | undefined;

  constructor(code: FindingCode, message: string, location?: Location) {
    super(message);
    this.code = code;
    this.location = location;
  }
}
