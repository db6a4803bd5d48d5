/** What must hold of accounts: in the log at each position, and in each read. */
import type { Read } from '../clients/record.ts';
import type { Complaint } from '../scenario.ts';
import type { AccountState, LogFacts } from './log-facts.ts';

/** World accounts alone may go below zero without limit. */
const WORLD = 'world_';

/** No account is below its limit at any position, and all money is somewhere. */
export function checkAccounts({ accounts }: LogFacts): Complaint[] {
  const complaints: Complaint[] = [];
  let sum = 0n;
  for (const [id, states] of accounts) {
    sum += states.at(-1)?.posted ?? 0n;
    if (id.startsWith(WORLD)) continue;
    for (const state of states) {
      if (state.available >= 0n && state.available === state.posted - state.held + state.limit) continue;
      complaints.push({
        check: 'below its limit in the log',
        found: `${id} at ${state.position}: ${tell(state)}`,
      });
    }
  }
  if (sum !== 0n) complaints.push({ check: 'balances do not sum to zero', found: `they sum to ${sum}` });
  return complaints;
}

/** What a reader saw was so, was not older than it asked for, and was not below the limit. */
export function checkReads(reads: readonly Read[], { accounts }: LogFacts): Complaint[] {
  const complaints: Complaint[] = [];
  const complain = (check: string, read: Read, why = '') => {
    const found = `${read.account} in version ${read.version}: ${tell(read)}${why}`;
    complaints.push({ check, found: `${found}, read at ${new Date(read.at).toISOString()}` });
  };
  for (const read of reads) {
    const states = accounts.get(read.account) ?? [];
    const state = states[read.version - 1];
    if (read.available < 0n) complain('below its limit in a read', read);
    if (read.version > 0 && (!state || tell(state) !== tell(read))) {
      complain('read what never was', read, `; the log says ${state ? tell(state) : 'nothing'}`);
    }
    const due = states.findLastIndex(({ position }) => position <= read.minPosition) + 1;
    if (read.version < due) {
      complain('read what was too old', read, `; min_position ${read.minPosition} is version ${due}`);
    }
  }
  return complaints;
}

function tell({
  posted,
  held,
  available,
  limit,
}: Pick<AccountState, 'posted' | 'held' | 'available' | 'limit'>): string {
  return `${posted} posted, ${held} held, ${available} available, limit ${limit}`;
}
