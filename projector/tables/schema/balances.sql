-- No balance is indexed and pages keep some room, so that Postgres rewrites a row where it is (a "heap-only" update)
-- and hot accounts do not bloat the indexes.
create table accounts (
  id text collate "C" primary key,
  owner text collate "C" not null,
  currency text collate "C" not null,
  status text collate "C" not null,
  posted bigint not null,
  -- The sum of what is held may pass what a bigint holds.
  held numeric not null,
  overdraft_limit bigint not null,
  version bigint not null,
  metadata jsonb not null,
  created_at timestamptz(3) not null,
  first_position bigint not null unique
) with (fillfactor = 70);

create index accounts_by_owner on accounts (owner, first_position);
create index accounts_by_currency on accounts (currency, first_position);
create index accounts_by_status on accounts (status, first_position);

comment on table accounts is 'Every account after its last event. Money is in minor units, such as cents';
comment on column accounts.posted is 'credits less debits';
comment on column accounts.held is 'the sum of its active holds';
comment on column accounts.version is 'how many events it has had';
comment on column accounts.first_position is 'of its first event in the log; lists are in this order';

-- An index of the metadata itself (GIN) would find the things that have a value but not in their order, and
-- `channel=web` is on millions of them. Key and value are one text, so that Postgres counts how often the two are
-- together.
create table account_labels (
  kind text collate "C" not null,
  label text collate "C" not null,
  first_position bigint not null,
  primary key (kind, label, first_position)
);

comment on table account_labels is 'The metadata of accounts, for finding them by it';
comment on column account_labels.kind is 'always account';
comment on column account_labels.label is 'key=value';
comment on column account_labels.first_position is 'of the account';

create table entries (
  position bigint primary key,
  account text collate "C" not null,
  version bigint not null,
  transfer text collate "C" not null,
  direction text collate "C" not null,
  -- What was asked for may pass what a bigint holds.
  amount numeric not null,
  currency text collate "C" not null,
  counterparty text collate "C",
  kind text collate "C" not null,
  reference text collate "C",
  balance bigint not null,
  created_at timestamptz(3) not null
);

create index entries_by_account on entries (account, created_at, position);

comment on table entries is 'Every debit and credit on an account. Money is in minor units, such as cents';
comment on column entries.position is 'of its event in the log';
comment on column entries.version is 'of the account after it';
comment on column entries.direction is 'debit or credit';
comment on column entries.counterparty is 'the other account; null if the transfer has more than two';
comment on column entries.kind is 'of the transfer';
comment on column entries.balance is 'posted, of the account after it';
