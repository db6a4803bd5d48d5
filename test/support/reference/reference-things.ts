/** What the reference model knows of: accounts, transfers and holds, as plain numbers and texts. */
import type { TransferRequest } from '../../../messages/commands.ts';

export type Account = {
  readonly status: string;
  readonly currency: string;
  readonly posted: number;
  readonly held: number;
  readonly limit: number;
  readonly version: number;
};

/** What is added to an account, or, below zero, taken from it. */
export type Move = readonly [account: string, amount: number, currency: string];

/** What a transfer is to do. */
export type Plan = {
  /** In the order in which they happen. */
  readonly moves: readonly Move[];
  /** From one account to another: then a part of it can be undone. */
  readonly two: boolean;
  /** What is taken is held while it waits. */
  readonly reserves: boolean;
  readonly dated: boolean;
  readonly byRail: boolean;
};

export type Transfer = Plan & {
  readonly status: string;
  readonly reversed: number;
  /** An operator has to say what became of it. */
  readonly parked?: boolean;
};

export type Hold = {
  readonly status: string;
  readonly account: string;
  readonly amount: number;
  readonly currency: string;
  readonly destination: string;
  readonly expires: string | undefined;
  readonly captured: number;
};

export type Things = { account: Account; transfer: Transfer; hold: Hold };
export type Kind = keyof Things;

/** How things are. */
export type Look = <K extends Kind>(kind: K, id: string) => Things[K] | undefined;

/** One thing that happens, and what it happens to as it is afterwards. */
export type Line = {
  [K in Kind]: { readonly kind: K; readonly id: string; readonly name: string; readonly after: Things[K] };
}[Kind];

export const isWorld = (id: string) => id.startsWith('world_');
export const isWaiting = ({ status }: Transfer) =>
  ['awaiting_approval', 'scheduled', 'pending'].includes(status);
export const available = ({ posted, held, limit }: Account) => posted - held + limit;

/** What a transfer moves in all. */
export const totalOf = ({ moves }: Plan) =>
  moves.reduce((sum, [, amount]) => (amount < 0 ? sum - amount : sum), 0);

/** A world account that nothing has happened to. */
export function untouched(id: string): Account | undefined {
  if (!isWorld(id)) return undefined;
  return { status: 'open', currency: id.slice(-3), posted: 0, held: 0, limit: Infinity, version: 0 };
}

/** A line as its event can tell it. */
export function tell(line: Line): string {
  const what = `${line.kind} ${line.id} ${line.name}`;
  switch (line.kind) {
    case 'account':
      return `${what}: ${tellAccount(line.after)}`;
    case 'transfer':
      return `${what}: ${line.after.status}, ${line.after.reversed} undone`;
    case 'hold':
      return `${what}: ${tellHold(line.after)}`;
  }
}

export function tellAccount({ status, posted, held, limit, version }: Omit<Account, 'currency'>): string {
  const overdraft = limit === Infinity ? 0 : limit;
  return `${status}, ${posted} posted, ${held} held, limit ${overdraft}, version ${version}`;
}

export function tellHold({
  status,
  captured,
  expires = 'never',
}: Pick<Hold, 'status' | 'captured' | 'expires'>): string {
  return `${status}, ${captured} captured, expires ${expires}`;
}

export function between(
  [source, destination]: readonly [string, string],
  amount: number,
  currency: string,
): Plan {
  const moves = [[source, -amount, currency] as const, [destination, amount, currency] as const];
  return { moves, two: true, reserves: false, dated: false, byRail: false };
}

export function planOf(
  request: Exclude<TransferRequest, { type: 'reversal' }>,
): Plan & { waits?: string | undefined } {
  if (request.type === 'transaction') {
    const moves = request.entries.map(({ account, direction, amount, currency }): Move => {
      return [account, direction === 'credit' ? Number(amount) : -Number(amount), currency];
    });
    return { ...nonNegative(moves) };
  }
  const { source, destination, amount, currency } = request;
  const toApprove = request.approval_expires_at !== undefined;
  const dated = request.scheduled_for !== undefined;
  const byRail = request.rail !== undefined;
  const waits = toApprove ? 'awaiting_approval' : dated ? 'scheduled' : byRail ? 'pending' : undefined;
  const plan = between([source, destination], Number(amount), currency);
  return { ...plan, reserves: toApprove || byRail, dated, byRail, waits };
}

/** All that is given comes before all that is taken. */
function nonNegative(moves: readonly Move[]): Plan {
  const given = moves.filter(([, amount]) => amount > 0);
  const taken = moves.filter(([, amount]) => amount < 0);
  return { moves: [...given, ...taken], two: false, reserves: false, dated: false, byRail: false };
}

export function undoing({ moves, two }: Transfer, amount: number): Plan {
  const [source, destination] = moves;
  if (two && source && destination) return between([destination[0], source[0]], amount, source[2]);
  return nonNegative(moves.map(([id, moved, currency]) => [id, -moved, currency]));
}

export function inTheWay(at: Account | undefined, [id, amount, currency]: Move): string | undefined {
  if (!at) return 'account_not_found';
  if (at.currency !== currency) return 'currency_mismatch';
  if (at.status === 'closed') return 'account_closed';
  if (amount > 0) return undefined;
  if (at.status === 'frozen') return 'account_frozen';
  return isWorld(id) || available(at) >= -amount ? undefined : 'insufficient_funds';
}

export function violationOf({ moves, two }: Plan): string {
  if (two) return moves[0]?.[0] === moves[1]?.[0] ? 'same_account' : '';
  const sums = new Map<string, number>();
  for (const [, amount, currency] of moves) sums.set(currency, (sums.get(currency) ?? 0) + amount);
  return [...sums.values()].some((sum) => sum !== 0) ? 'entries_unbalanced' : '';
}
