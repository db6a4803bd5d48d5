/**
 * Restate: a handler per transfer, called with the idempotency key. `VARIANT` is `one-step`: one `ctx.run` that calls
 * the stored function of the Postgres peer, or `two-objects`: the accounts are virtual objects, and Restate keeps them.
 */
import { once } from 'node:events';
import { createServer } from 'node:http2';
import * as restate from '@restatedev/restate-sdk';
import * as clients from '@restatedev/restate-sdk-clients';
import postgres from 'postgres';
import { countLedger, openLedger, poolOptions, type Sql } from '../postgres/schema.ts';
import { requireEnv, servePeer } from '../server.ts';
import { accountIds, CURRENCY, type Outcome, type Peer } from '../transfers.ts';
import { account, transfersBetweenObjects, type Account, type Request } from './objects.ts';

/** Restate takes some at once; the rest of a thousand accounts waits here. */
const OPENED_AT_ONCE = 50;

const ingress = clients.connect({ url: requireEnv('RESTATE_INGRESS') });
const admin = requireEnv('RESTATE_ADMIN');

type Store = Pick<Peer, 'open' | 'count' | 'close'>;
type Transfers = typeof transfersBetweenObjects;

/** The money in Postgres, where a key moves it once: a step that ran and could not be recorded runs again. */
function inPostgres(): { services: [Transfers]; store: Store } {
  const sql: Sql = postgres(requireEnv('DATABASE_URL'), poolOptions(Number(requireEnv('POOL'))));
  const transfers = restate.service({
    name: 'transfers',
    handlers: {
      transfer: (ctx: restate.Context, request: Request): Promise<Outcome> => {
        const { key, source, destination, amount, currency } = request;
        return ctx.run('post', async () => {
          const [row] = await sql<{ outcome: Outcome }[]>`
            select post_transfer(${key}, ${source}, ${destination}, ${amount}, ${currency}) as outcome`;
          if (row === undefined) throw new Error('Postgres gave no row.');
          return row.outcome;
        });
      },
    },
  });
  const store: Store = {
    open: (accounts, funds) => openLedger(sql, accounts, funds),
    count: () => countLedger(sql),
    close: () => sql.end({ timeout: 5 }),
  };
  return { services: [transfers], store };
}

function inRestate(): { services: [Transfers, typeof account]; store: Store } {
  const store: Store = {
    open: async (accounts, funds) => {
      const ids = accountIds(accounts);
      const opened: Account = { balance: `${funds}`, currency: CURRENCY, sent: 0 };
      for (let start = 0; start < ids.length; start += OPENED_AT_ONCE) {
        const some = ids.slice(start, start + OPENED_AT_ONCE);
        await Promise.all(some.map((id) => ingress.objectClient(account, id).open(opened)));
      }
    },
    count: async () => {
      const accounts = await storedAccounts();
      const balances = accounts.map(({ balance }) => BigInt(balance));
      return {
        transfers: accounts.reduce((total, { sent }) => total + sent, 0),
        sum: balances.reduce((total, balance) => total + balance, 0n),
        negative: balances.filter((balance) => balance < 0n).length,
      };
    },
    close: async () => {},
  };
  return { services: [transfersBetweenObjects, account], store };
}

/** All accounts, from Restate's own tables. */
async function storedAccounts(): Promise<Account[]> {
  const query = `select value_utf8 from state where service_name = 'account'`;
  const answer = await ask('/query', { query });
  const { rows } = answer as { rows: { value_utf8: string }[] };
  return rows.map(({ value_utf8 }) => JSON.parse(value_utf8) as Account);
}

async function ask(path: string, body: object): Promise<unknown> {
  const response = await fetch(`${admin}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`Restate answered ${response.status}: ${await response.text()}`);
  return response.json();
}

const variants: Record<string, typeof inPostgres | typeof inRestate> = {
  'one-step': inPostgres,
  'two-objects': inRestate,
};
const variant = variants[requireEnv('VARIANT')];
if (variant === undefined) throw new Error(`There is no variant ${process.env['VARIANT']}.`);
const { services, store } = variant();
const endpoint = createServer(restate.createEndpointHandler({ services: [...services] }));
const port = Number(requireEnv('HANDLERS_PORT'));
endpoint.listen(port, '127.0.0.1');
await once(endpoint, 'listening');
// By force, since a process that was here before has said the same.
await ask('/deployments', { uri: `http://127.0.0.1:${port}`, force: true });
const transfers = ingress.serviceClient<Transfers>({ name: 'transfers' });
servePeer({
  ...store,
  transfer: ({ amount, ...rest }) => {
    const request: Request = { ...rest, amount: `${amount}` };
    return Promise.resolve(transfers.transfer(request, clients.Opts.from({ idempotencyKey: rest.key })));
  },
});
