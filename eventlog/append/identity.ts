/** By what a command is known again. */
import { hash } from 'node:crypto';
import { AGGREGATES, type Aggregate, type AggregateRef } from '../../contracts/subjects.ts';
import { makesTransfer, type CommandRequest } from '../../messages/commands.ts';

/**
 * The aggregate whose first event remembers a command: the transfer that it makes, or a receipt. Undefined for a command
 * that may be carried out again without harm.
 */
export function identityOf(request: CommandRequest): AggregateRef | undefined {
  if (makesTransfer(request)) return { aggregate: 'transfer', id: request.id };
  const { idempotency_key: key, receipt_id, type, id } = request;
  if (key !== undefined) return { aggregate: 'command', id: receipt_id ?? key };
  switch (type) {
    case 'account.create':
      return { aggregate: 'account', id };
    case 'account.freeze':
    case 'account.unfreeze':
    case 'account.close':
    case 'transfer.complete':
    case 'transfer.expire':
    case 'transfer.fail':
    case 'transfer.park':
    case 'transfer.railReported':
    case 'hold.expire':
      return undefined;
    case 'account.update':
      // Of what it asks for it can be asked again; of the version that its own first time has left it cannot.
      return request.if_version === undefined ? undefined : ofCommand(request);
    case 'transfer.approve':
    case 'transfer.reject':
    case 'transfer.cancel':
    case 'transfer.resolve':
    case 'hold.place':
    case 'hold.capture':
    case 'hold.void':
    case 'hold.extend':
      // A worker that was killed may ask again, and must not hear that its own first time stands in the way.
      return ofCommand(request);
  }
}

/**
 * What tells that a command was carried out before; and what, if it is another command's, stands in its way: the guard would
 * refuse it for ever, and its neighbours with it.
 */
export function dedupKeys({
  identity,
  begins,
}: Readonly<Record<'identity' | 'begins', AggregateRef | undefined>>): Record<
  'same' | 'conflicting',
  AggregateRef[]
> {
  const same = identity ? [identity] : [];
  const made = [...same, ...(begins ? [begins] : [])];
  return { same, conflicting: [...(begins ? [begins] : []), ...made.flatMap(othersOf)] };
}

/** What else the key of a command may have been used for: what that is, is not this command. */
function othersOf(identity: AggregateRef): AggregateRef[] {
  if (identity.aggregate === 'account' || identity.aggregate === 'hold') return [];
  const all: readonly Aggregate[] = ['command', ...AGGREGATES];
  return all
    .filter((aggregate) => aggregate !== identity.aggregate)
    .map((aggregate) => ({ aggregate, id: identity.id }));
}

function ofCommand({ command_id }: CommandRequest): AggregateRef {
  return { aggregate: 'command', id: hash('sha256', command_id) };
}
