/** A double-entry ledger in Postgres: balances, transfers (the idempotency table), and two entries for each. */
import type postgres from 'postgres';
import { accountIds, CURRENCY, type Count } from '../transfers.ts';

/**
 * The free space in `accounts` lets a balance be updated within its page, without touching the index. Locks are
 * always taken in the order of account ids, so that nobody waits in a circle.
 */
const SCHEMA = `
create table accounts (
  id text primary key,
  currency text not null,
  opened_with bigint not null,
  balance bigint not null check (balance >= 0)
) with (fillfactor = 50);

create table transfers (
  id text primary key,
  source text not null,
  destination text not null,
  amount bigint not null check (amount > 0),
  currency text not null,
  status text not null,
  created_at timestamptz not null default now()
);

create table entries (
  id bigint generated always as identity,
  account text not null,
  transfer text not null,
  amount bigint not null,
  primary key (account, id)
);

create function post_transfer(key text, source_id text, destination_id text, sum bigint, unit text) returns text
language plpgsql as $$
declare
  answer text;
  locked int;
begin
  insert into transfers (id, source, destination, amount, currency, status)
    values (key, source_id, destination_id, sum, unit, 'posted') on conflict do nothing;
  if not found then
    select status into answer from transfers where id = key;
    return answer;
  end if;
  select count(*) into locked from (
    select 1 from accounts where id in (source_id, destination_id) and currency = unit order by id for update
  ) as both_accounts;
  if locked <> 2 then raise exception 'account_not_found'; end if;
  update accounts set balance = balance - sum where id = source_id and balance >= sum;
  if not found then
    update transfers set status = 'insufficient_funds' where id = key;
    return 'insufficient_funds';
  end if;
  update accounts set balance = balance + sum where id = destination_id;
  insert into entries (account, transfer, amount) values (source_id, key, -sum), (destination_id, key, sum);
  return 'posted';
end $$;

-- All of them in one transaction. When each source can pay all that is asked of it, whatever the order, the batch is
-- a few statements; else its transfers are decided one after the other.
create function post_transfers(keys text[], sources text[], destinations text[], sums bigint[], unit text)
returns text[] language plpgsql as $$
declare
  fresh text[];
  answers text[];
  locked text[];
begin
  select array_agg(id) into locked from (
    select id from accounts where id = any (sources || destinations) and currency = unit order by id for update
  ) as all_accounts;
  if exists (select from unnest(sources || destinations) as wanted (id) where id <> all (coalesce(locked, '{}'))) then
    raise exception 'account_not_found';
  end if;
  if exists (
    select from unnest(sources, sums) as asked (source, sum)
      join accounts on accounts.id = asked.source
      group by accounts.id, accounts.balance having sum(asked.sum) > accounts.balance
  ) then
    select array_agg(post_transfer(key, source, destination, sum, unit) order by place) into answers
      from unnest(keys, sources, destinations, sums) with ordinality as asked (key, source, destination, sum, place);
    return answers;
  end if;
  with inserted as (
    insert into transfers (id, source, destination, amount, currency, status)
      select key, source, destination, sum, unit, 'posted'
        from unnest(keys, sources, destinations, sums) as asked (key, source, destination, sum)
        order by key
      on conflict do nothing
      returning id, source, destination, amount
  ), lines as (
    insert into entries (account, transfer, amount)
      select source, id, -amount from inserted union all select destination, id, amount from inserted
      returning account, amount
  ), moved as (
    update accounts set balance = balance + change
      from (select account, sum(amount)::bigint as change from lines group by account) as changes
      where accounts.id = changes.account
  )
  select array_agg(id) into fresh from inserted;
  select array_agg(case when key = any (fresh) then 'posted' else (
      select status from transfers where id = key
    ) end order by place) into answers
    from unnest(keys) with ordinality as asked (key, place);
  return answers;
end $$;
`;

export type Sql = postgres.Sql<{ bigint: bigint }>;

/** Options for every pool: bigints as such, and no word of what Postgres notices. */
export function poolOptions(connections: number) {
  const bigint = {
    to: 20,
    from: [20],
    serialize: (value: bigint) => `${value}`,
    parse: (text: string) => BigInt(text),
  };
  return { max: connections, types: { bigint }, onnotice: () => {} };
}

/** Creates the ledger and its accounts. */
export async function openLedger(sql: Sql, accounts: number, funds: bigint): Promise<void> {
  await sql.unsafe(SCHEMA).simple();
  await sql`insert into accounts (id, currency, opened_with, balance)
    select id, ${CURRENCY}, ${funds}::bigint, ${funds}::bigint from unnest(${accountIds(accounts)}::text[]) as ids (id)`;
  await sql`vacuum analyze accounts`;
}

/**
 * Adds everything up.
 * @throws Error when the entries do not say what the balances say, or there are not two for each transfer.
 */
export async function countLedger(sql: Sql): Promise<Count> {
  const [row] = await sql<
    { transfers: bigint; entries: bigint; sum: bigint; negative: bigint; apart: bigint }[]
  >`
    select (select count(*) from transfers where status = 'posted') as transfers,
      (select count(*) from entries) as entries,
      sum(balance)::bigint as sum,
      count(*) filter (where balance < 0) as negative,
      count(*) filter (where balance <> opened_with + coalesce(
        (select sum(amount) from entries where account = accounts.id), 0)) as apart
    from accounts`;
  if (row === undefined) throw new Error('Nothing was counted.');
  const { transfers, entries, sum, negative, apart } = row;
  if (apart > 0n) throw new Error(`The entries of ${apart} accounts do not add up to their balances.`);
  if (entries !== 2n * transfers) throw new Error(`${transfers} transfers have ${entries} entries.`);
  return { transfers: Number(transfers), sum, negative: Number(negative) };
}
