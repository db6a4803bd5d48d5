-- Three projections instead of one. Each has its own tables, its own position and a version; while a new version is
-- built beside the live one, both have a row here.
alter table projections
  add column state text collate "C" not null default 'live' check (state in ('live', 'building')),
  add column version integer not null default 1,
  -- Why it has stopped; null while it goes on.
  add column error text,
  drop constraint projections_pkey,
  add primary key (name, state);

insert into projections (name, position)
  select name, position
  from (values ('balances'), ('transfers')) as split (name),
    (select position from projections where name = 'read-model') as before;

delete from projections where name = 'read-model';

-- What a projection could not apply: the events of one command, from `position` to `last_position`.
create table parked (
  projection text collate "C" not null,
  state text collate "C" not null,
  position bigint not null,
  last_position bigint not null,
  subject text collate "C" not null,
  type text collate "C" not null,
  error text not null,
  tries integer not null default 1,
  parked_at timestamptz(3) not null default now(),
  primary key (projection, state, position)
);

-- The labels of accounts belong to the balances, the others to the transfers.
create table account_labels (like labels including all);

insert into account_labels select * from labels where kind = 'account';

delete from labels where kind = 'account';

-- What each account took in and gave out on each day, UTC. The projection begins at the log's first event.
create table daily_totals (
  account text collate "C" not null,
  currency text collate "C" not null,
  day date not null,
  debits numeric not null,
  credits numeric not null,
  -- Of its entries.
  count bigint not null,
  -- The posted balance after the last of them.
  closing_balance bigint not null,
  -- Of the last of them.
  position bigint not null,
  primary key (account, day, currency)
) with (fillfactor = 70);

insert into projections (name, position) values ('totals', 0);
