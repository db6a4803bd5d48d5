/** What clients ask: a mix of all that moves or holds money, drawn by chance. */
import { idempotencyKey, type IdempotencyKey } from '../../api/commands/idempotency.ts';
import type { Random } from '../random.ts';
import type { Attempt, Command } from './record.ts';
import { between, type World } from './world.ts';

/** A command that has not been sent, and what its success teaches the others. */
export type Draft = Omit<Command, 'number' | 'attempts'> & {
  readonly learn?: (answer: Attempt) => void;
};

type Makes = Partial<Pick<Command, 'commandIds' | 'transfers' | 'account' | 'hold'>>;
type Request = { readonly kind: string; readonly path: string; readonly body: object };
type Maker = (world: World, random: Random, key: string) => Draft | undefined;

const CURRENCY = 'EUR';
export const WORLD_ACCOUNT = `world_${CURRENCY}`;
const HOT_SHARE = 0.6;
const BULK_LINES_MAX = 20;

/** Of a thousand commands, about so many. */
const MIX: readonly (readonly [weight: number, maker: Maker])[] = [
  [470, transfer],
  [80, deposit],
  [60, withdrawal],
  [70, transferToApprove],
  [80, decideWaiting],
  [40, scheduledTransfer],
  [70, placeHold],
  [40, captureHold],
  [30, voidHold],
  [40, reversal],
  [20, transaction],
  [8, bulk],
  [12, openAccount],
];
const WEIGHTS = MIX.reduce((sum, [weight]) => sum + weight, 0);

/** The next command of a client. */
export function nextDraft(world: World, random: Random, key: string): Draft {
  let place = random.next() * WEIGHTS;
  for (const [weight, maker] of MIX) {
    place -= weight;
    // What nobody has placed cannot be captured: then it is a transfer.
    if (place < 0) return maker(world, random, key) ?? transfer(world, random, key);
  }
  return transfer(world, random, key);
}

/** An account with a name, of money enough to work with. */
export function openingDraft(world: World, id: string, limit = '0'): Draft {
  const body = { id, owner: 'chaos', currency: CURRENCY, overdraft_limit: limit };
  return {
    ...draft(`open ${id}`, { kind: 'account', path: '/v1/accounts', body }, () => ({ account: id })),
    learn: ({ status }) => {
      if (status === 201) world.accounts.push(id);
    },
  };
}

/** Money from outside. */
export function depositDraft(key: string, account: string, amount: bigint): Draft {
  const body = { account, amount: `${amount}`, currency: CURRENCY };
  return draft(key, { kind: 'deposit', path: '/v1/deposits', body }, ({ transferId: id }) => ({
    commandIds: [id],
    transfers: [{ id, moves: between(WORLD_ACCOUNT, account, amount) }],
  }));
}

function draft(key: string, request: Request, makes: (key: IdempotencyKey) => Makes = () => ({})): Draft {
  const derived = idempotencyKey(key);
  const { keyHash, commandId } = derived;
  return { key, keyHash, ...request, commandIds: [commandId], transfers: [], ...makes(derived) };
}

/** A command that makes a transfer between two accounts. */
function movement(
  key: string,
  request: Request,
  { source, destination, amount }: { source: string; destination: string; amount: bigint },
): Draft {
  return draft(key, request, ({ transferId: id }) => ({
    commandIds: [id],
    transfers: [{ id, moves: between(source, destination, amount) }],
  }));
}

function someAmount(random: Random): bigint {
  return BigInt(random.between(1, 500));
}

function twoAccounts({ accounts, hot }: World, random: Random): { source: string; destination: string } {
  const one = random.chance(HOT_SHARE) ? random.pick(hot) : random.pick(accounts);
  const others = accounts.filter((id) => id !== one);
  const other = random.pick(others);
  return random.chance(0.5) ? { source: one, destination: other } : { source: other, destination: one };
}

function transferOf(
  world: World,
  random: Random,
  more: { key: string; body?: object; kind?: string },
): Draft {
  const pair = twoAccounts(world, random);
  const amount = someAmount(random);
  const body = { ...pair, amount: `${amount}`, currency: CURRENCY, ...more.body };
  return movement(
    more.key,
    { kind: more.kind ?? 'transfer', path: '/v1/transfers', body },
    { ...pair, amount },
  );
}

function transfer(world: World, random: Random, key: string): Draft {
  const made = transferOf(world, random, { key });
  const [id = ''] = made.commandIds;
  const { source, destination, amount } = made.body as Record<'source' | 'destination' | 'amount', string>;
  return {
    ...made,
    learn: ({ status }) => {
      if (status === 201) world.posted.add({ id, source, destination, amount: BigInt(amount) });
    },
  };
}

function deposit(world: World, random: Random, key: string): Draft {
  return depositDraft(key, random.pick(world.accounts), someAmount(random));
}

function withdrawal(world: World, random: Random, key: string): Draft {
  const source = random.pick(world.accounts);
  const amount = someAmount(random);
  const body = { account: source, amount: `${amount}`, currency: CURRENCY };
  const request = { kind: 'withdrawal', path: '/v1/withdrawals', body };
  return movement(key, request, { source, destination: WORLD_ACCOUNT, amount });
}

function transferToApprove(world: World, random: Random, key: string): Draft {
  // Some run out before anybody says anything; most do not.
  const timeout = random.chance(0.2) ? random.between(1, 4) : 3_600;
  const body = { approval: { timeout_seconds: timeout } };
  const made = transferOf(world, random, { key, kind: 'transfer to approve', body });
  return {
    ...made,
    learn: ({ status }) => {
      if (status === 202) world.waiting.add(made.commandIds[0] ?? '');
    },
  };
}

function decideWaiting(world: World, random: Random, key: string): Draft | undefined {
  const id = world.waiting.take((length) => random.between(0, length - 1), random.chance(0.2));
  if (id === undefined) return undefined;
  const action = random.chance(0.6) ? 'approve' : random.pick(['cancel', 'reject']);
  return draft(key, { kind: action, path: `/v1/transfers/${id}/${action}`, body: {} });
}

function scheduledTransfer(world: World, random: Random, key: string): Draft {
  const scheduled_for = new Date(Date.now() + random.between(500, 2_500)).toISOString();
  return transferOf(world, random, { key, kind: 'scheduled transfer', body: { scheduled_for } });
}

function placeHold(world: World, random: Random, key: string): Draft {
  const account = random.pick(world.accounts);
  const amount = someAmount(random);
  const ends = random.pick([{}, { expires_in_seconds: 3_600 }, { expires_in_seconds: random.between(1, 5) }]);
  const body = { account, amount: `${amount}`, currency: CURRENCY, ...ends };
  const hold = idempotencyKey(key).holdId;
  return {
    ...draft(key, { kind: 'hold', path: '/v1/holds', body }, () => ({ hold })),
    learn: ({ status }) => {
      if (status === 201) world.holds.add({ id: hold, account, amount });
    },
  };
}

function captureHold(world: World, random: Random, key: string): Draft | undefined {
  const hold = world.holds.take((length) => random.between(0, length - 1), random.chance(0.2));
  if (!hold) return undefined;
  const amount = random.chance(0.5) ? hold.amount : BigInt(random.between(1, Number(hold.amount)));
  const destination = random.pick(world.accounts.filter((id) => id !== hold.account));
  const body = { amount: `${amount}`, destination };
  return draft(key, { kind: 'capture', path: `/v1/holds/${hold.id}/capture`, body }, ({ captureId: id }) => ({
    transfers: [{ id, moves: between(hold.account, destination, amount) }],
  }));
}

function voidHold(world: World, random: Random, key: string): Draft | undefined {
  const hold = world.holds.take((length) => random.between(0, length - 1), random.chance(0.2));
  return hold && draft(key, { kind: 'void', path: `/v1/holds/${hold.id}/void`, body: {} });
}

function reversal(world: World, random: Random, key: string): Draft | undefined {
  const undone = world.posted.take((length) => random.between(0, length - 1), random.chance(0.3));
  if (!undone) return undefined;
  const { id, source: destination, destination: source } = undone;
  const amount = BigInt(random.between(1, Number(undone.amount)));
  const request = { kind: 'reversal', path: `/v1/transfers/${id}/reversal`, body: { amount: `${amount}` } };
  return movement(key, request, { source, destination, amount });
}

/** One account pays two others. */
function transaction(world: World, random: Random, key: string): Draft {
  const [payer = '', first = '', second = ''] = random.shuffled(world.accounts);
  const parts = [someAmount(random), someAmount(random)] as const;
  const moves = [
    [payer, -(parts[0] + parts[1])],
    [first, parts[0]],
    [second, parts[1]],
  ] as const;
  const entries = moves.map(([account, amount]) => ({
    account,
    direction: amount < 0n ? 'debit' : 'credit',
    amount: `${amount < 0n ? -amount : amount}`,
    currency: CURRENCY,
  }));
  const request = { kind: 'transaction', path: '/v1/transactions', body: { entries } };
  return draft(key, request, ({ transferId: id }) => ({ commandIds: [id], transfers: [{ id, moves }] }));
}

function bulk(world: World, random: Random, key: string): Draft {
  const derived = idempotencyKey(key);
  const lines = Array.from({ length: random.between(2, BULK_LINES_MAX) }, (_, index) => {
    const pair = twoAccounts(world, random);
    const amount = someAmount(random);
    const line = { id: `line-${index + 1}`, ...pair, amount: `${amount}`, currency: CURRENCY };
    const moves = between(pair.source, pair.destination, amount);
    return { line, made: { id: derived.lineTransferId({ id: line.id }), moves } };
  });
  const body = { transfers: lines.map(({ line }) => line) };
  return draft(key, { kind: 'bulk', path: '/v1/bulk-transfers', body }, () => ({
    commandIds: lines.map(({ made }) => made.id),
    transfers: lines.map(({ made }) => made),
  }));
}

function openAccount(world: World, _random: Random, key: string): Draft {
  return openingDraft(world, `opened-${key}`);
}
