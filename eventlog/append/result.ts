/** The result of a command, as it is known when it is decided: only the positions are known later. */
import type { EventData } from '../../contracts/events.ts';
import type { ExistingAccount } from '../../domain/account.ts';
import type { Rejection } from '../../domain/rejections.ts';
import { makesTransfer, type CommandRequest } from '../../messages/commands.ts';
import { accountStateData } from '../../messages/mapping/event-data.ts';
import { holdFrom, transferFrom } from '../../messages/mapping/resources.ts';
import type { Outcome } from './outcome.ts';
import {
  positionOf,
  type AccountTip,
  type ChainEnd,
  type HoldTip,
  type Placement,
  type TipsView,
  type TransferTip,
} from './tips.ts';

export type Result = {
  /** The outcome, once the batch is stored. */
  readonly outcome: () => Outcome;
  /** What a receipt remembers of it. */
  readonly receipt: () => EventData<'CommandRecorded'>;
};

/** Where the result of a command will stand. */
export type ResultLocation = {
  readonly append: Placement;
  /** The place of its receipt in the batch, if it leaves one. */
  readonly receipt: number | undefined;
};

/**
 * The result of a command that was decided, in so far as it leaves a trace.
 * @param tips what it leaves behind
 */
export function resultOf(
  { request }: { request: CommandRequest },
  {
    tips,
    rejection,
    location,
  }: { tips: TipsView; rejection: Rejection | undefined; location: ResultLocation },
): Result {
  const { type, id } = request;
  if (type.startsWith('account.')) return accountResult(request, tips.account(id), location);
  const rejected = rejection ? { rejection } : {};
  if (!type.startsWith('hold.')) {
    return transferResult(tips.transfer(id), { location, created: makesTransfer(request), rejected });
  }
  // A hold that was not placed is nothing that could be shown; one that was not captured is as it was.
  return rejection
    ? rejectedResult(rejection, location)
    : holdResult(tips.hold(id), { location, created: type === 'hold.place' });
}

function accountResult({ type, id }: CommandRequest, tip: AccountTip, location: ResultLocation): Result {
  const created = type === 'account.create';
  const { version } = tip;
  const state = () => ({ version, ...accountStateData(tip.state as ExistingAccount) });
  return {
    outcome() {
      const position = receiptPosition(location) ?? positionOf(tip);
      return { type: 'account', id, state: state(), created, position, replayed: false };
    },
    receipt: () => ({ created, account: { id, ...state() } }),
  };
}

type ResultParts = { location: ResultLocation; created: boolean };

function transferResult(
  tip: TransferTip,
  { location, created, rejected }: ResultParts & { rejected: { rejection?: Rejection } },
): Result {
  const resource = (position: number | undefined) => transferFrom({ ...required(tip.last), position });
  const known = knownPosition(tip, location);
  return {
    outcome() {
      const position = known ?? laterPosition(tip, location);
      return {
        type: 'transfer',
        transfer: resource(position),
        created,
        position,
        replayed: false,
        ...rejected,
      };
    },
    receipt: () => ({ created, transfer: resource(known), ...rejected }),
  };
}

function holdResult(tip: HoldTip, { location, created }: ResultParts): Result {
  const resource = (position: number | undefined) => holdFrom({ ...required(tip.last), position });
  const known = knownPosition(tip, location);
  return {
    outcome() {
      const position = known ?? laterPosition(tip, location);
      return { type: 'hold', hold: resource(position), created, position, replayed: false };
    },
    receipt: () => ({ created, hold: resource(known) }),
  };
}

/** Its only event is the receipt. */
function rejectedResult(rejection: Rejection, location: ResultLocation): Result {
  return {
    outcome() {
      const position = receiptPosition(location);
      if (position === undefined) throw new Error('A recorded rejection has a receipt');
      return { type: 'rejected', rejection, position, replayed: false };
    },
    receipt: () => ({ created: false, rejection }),
  };
}

function receiptPosition({ append, receipt }: ResultLocation): number | undefined {
  return receipt === undefined ? undefined : append.first + receipt;
}

/** The position of what the command finds and leaves as it is; undefined if the log has not told it yet. */
function knownPosition(tip: ChainEnd, { append }: ResultLocation): number | undefined {
  return tip.append === append || Number.isNaN(tip.append.first) ? undefined : positionOf(tip);
}

/**
 * The position of what was not in the log when the command was decided. A receipt cannot tell it: it tells the one before
 * its own, and so does the first result. That is where the last event stands if the command itself has made it.
 */
function laterPosition(tip: ChainEnd, location: ResultLocation): number {
  const receipt = receiptPosition(location);
  return receipt === undefined ? positionOf(tip) : receipt - 1;
}

function required<Thing>(thing: Thing | undefined): Thing {
  if (thing === undefined) throw new Error('What a command leaves behind has an event');
  return thing;
}
