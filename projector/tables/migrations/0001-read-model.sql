-- The read model: everything here is folded from the log, and can be dropped and folded again.
-- Money is whole minor units in bigint columns. Ids compare by their bytes (collate "C"), which is what they are.

-- How far each projection has read the log. Rows and position change in the same transaction.
create table projections (
  name text primary key,
  position bigint not null
) with (fillfactor = 50);

insert into projections (name, position) values ('read-model', 0);

-- The state of every account after its last event. No balance is indexed and pages keep some room, so that Postgres
-- rewrites a row where it is (a "heap-only" update) and hot accounts do not bloat the indexes.
create table accounts (
  id text collate "C" primary key,
  owner text collate "C" not null,
  currency text collate "C" not null,
  status text collate "C" not null,
  posted bigint not null,
  held bigint not null,
  overdraft_limit bigint not null,
  version bigint not null,
  metadata jsonb not null,
  created_at timestamptz(3) not null,
  -- The position of the account's first event: what lists are ordered by.
  first_position bigint not null unique
) with (fillfactor = 70);

create index accounts_by_owner on accounts (owner, first_position);
create index accounts_by_currency on accounts (currency, first_position);
create index accounts_by_status on accounts (status, first_position);

create table transfers (
  id text collate "C" primary key,
  kind text collate "C" not null,
  status text collate "C" not null,
  source text collate "C" not null,
  destination text collate "C" not null,
  amount bigint not null,
  currency text collate "C" not null,
  reference text collate "C",
  metadata jsonb not null,
  -- The code of the rejection.
  reason text collate "C",
  created_at timestamptz(3) not null,
  completed_at timestamptz(3) not null,
  position bigint not null unique,
  workflow_id text collate "C" not null
);

create index transfers_by_source on transfers (source, position);
create index transfers_by_destination on transfers (destination, position);
create index transfers_by_status on transfers (status, position);
create index transfers_by_reference on transfers (reference, position) where reference is not null;

-- The lines of the accounts: one for each movement, with the posted balance after it.
create table entries (
  position bigint primary key,
  account text collate "C" not null,
  version bigint not null,
  transfer text collate "C" not null,
  direction text collate "C" not null,
  amount bigint not null,
  currency text collate "C" not null,
  counterparty text collate "C" not null,
  kind text collate "C" not null,
  reference text collate "C",
  balance bigint not null,
  created_at timestamptz(3) not null
);

create index entries_by_account on entries (account, created_at, position);
