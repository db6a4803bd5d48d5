-- Transfers may wait, have entries of their own and be reversed; money may be held. Such rows change: each is what the
-- last event of its transfer or hold says, and only remembers where that began. Lists are ordered by that, so that what
-- changes stays in its place. Until now every transfer had one event, so it begins where it ended.

-- What is only asked for, and what is held in all, may pass what a bigint holds: a refused transfer says what it was
-- refused. Balances cannot, the ledger sees to that.
alter table accounts
  alter column held type numeric;

alter table entries
  alter column amount type numeric,
  -- None if the transfer has more than two accounts.
  alter column counterparty drop not null;

alter table transfers
  -- These four are null for a transfer with entries.
  alter column source drop not null,
  alter column destination drop not null,
  alter column amount type numeric,
  alter column amount drop not null,
  alter column currency drop not null,
  -- Null while it waits.
  alter column completed_at drop not null,
  add column entries jsonb,
  -- Times that somebody chose are text, as they were written: they may lie outside of what Postgres knows.
  add column approval_expires_at text collate "C",
  add column scheduled_for text collate "C",
  add column rail text collate "C",
  add column hold text collate "C",
  add column reverses text collate "C",
  add column reversed numeric,
  add column schedule text collate "C",
  add column bulk text collate "C",
  -- The position of the transfer's first event: what lists are ordered by. `position` is that of its last one.
  add column first_position bigint;

update transfers set first_position = position;

alter table transfers
  alter column first_position set not null,
  add unique (first_position);

drop index transfers_by_source, transfers_by_destination, transfers_by_status, transfers_by_reference;

create index transfers_by_source on transfers (source, first_position);
create index transfers_by_destination on transfers (destination, first_position);
create index transfers_by_status on transfers (status, first_position);
-- What most transfers lack is indexed only where it is.
create index transfers_by_reference on transfers (reference, first_position) where reference is not null;
create index transfers_by_reverses on transfers (reverses, first_position) where reverses is not null;
create index transfers_by_schedule on transfers (schedule, first_position) where schedule is not null;
create index transfers_by_bulk on transfers (bulk, first_position) where bulk is not null;

-- The accounts that the entries of transfers name, each once. An index of the entries themselves would find the
-- transfers of an account but not in their order, and an account for fees is in millions of them.
create table transaction_accounts (
  account text collate "C" not null,
  first_position bigint not null references transfers (first_position) on delete cascade,
  primary key (first_position, account)
);

create index transaction_accounts_by_account on transaction_accounts (account, first_position);

create table holds (
  id text collate "C" primary key,
  account text collate "C" not null,
  amount numeric not null,
  captured numeric not null,
  currency text collate "C" not null,
  status text collate "C" not null,
  destination text collate "C",
  reference text collate "C",
  metadata jsonb not null,
  -- Why it was voided.
  reason text,
  -- The transfer that captured it.
  transfer text collate "C",
  expires_at text collate "C",
  created_at timestamptz(3) not null,
  position bigint not null unique,
  first_position bigint not null unique,
  workflow_id text collate "C" not null
);

create index holds_by_account on holds (account, first_position);
create index holds_by_status on holds (status, first_position);
