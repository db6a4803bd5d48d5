/** The same transfers without HTTP, asked for in the peer's own process: the figure that stands beside. */
import { randomUUID } from 'node:crypto';
import { accountId, CURRENCY, type Outcome, type Peer, type Transfer } from './transfers.ts';

type Load = Readonly<{ clients: number; seconds: number; accounts: number; batch?: number }>;

type Measured = Readonly<{ per_second: number; transfers: number; refused: number }>;

/**
 * Runs clients that each ask for the next transfer when the last is done.
 * @param load `batch` transfers at a time, if that is given and the peer has a way for it.
 */
export async function measureDirectly(peer: Peer, load: Load): Promise<Measured> {
  const ask = asker(peer, load);
  const started = performance.now();
  const end = started + load.seconds * 1000;
  let transfers = 0;
  let refused = 0;
  const client = async () => {
    while (performance.now() < end) {
      const outcomes = await ask();
      const posted = outcomes.filter((outcome) => outcome === 'posted').length;
      transfers += posted;
      refused += outcomes.length - posted;
    }
  };
  await Promise.all(Array.from({ length: load.clients }, client));
  const seconds = (performance.now() - started) / 1000;
  return { per_second: Math.round(transfers / seconds), transfers, refused };
}

function asker(peer: Peer, { accounts, batch = 1 }: Load): () => Promise<readonly Outcome[]> {
  if (accounts < 2) throw new Error('Ask for /setup first, with two accounts or more.');
  const { transferMany } = peer;
  if (batch === 1) return async () => [await peer.transfer(between(accounts))];
  if (transferMany === undefined) throw new Error('This peer takes transfers one by one.');
  return () => transferMany(Array.from({ length: batch }, () => between(accounts)));
}

/** Uniform over the accounts. */
function between(accounts: number): Transfer {
  const from = Math.floor(Math.random() * accounts);
  const to = (from + 1 + Math.floor(Math.random() * (accounts - 1))) % accounts;
  return {
    key: randomUUID(),
    source: accountId(from),
    destination: accountId(to),
    amount: 1n,
    currency: CURRENCY,
  };
}
