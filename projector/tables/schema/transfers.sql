-- Transfers and holds may wait, and then change: each row is what the last event of its transfer or hold says, and
-- only remembers where that began. Lists are ordered by that, so that what changes stays in its place.
create table transfers (
  id text collate "C" primary key,
  kind text collate "C" not null,
  status text collate "C" not null,
  -- These four are null for a transfer with entries.
  source text collate "C",
  destination text collate "C",
  -- What was asked for may pass what a bigint holds.
  amount numeric,
  currency text collate "C",
  entries jsonb,
  reference text collate "C",
  metadata jsonb not null,
  reason text collate "C",
  -- Times that somebody chose are text, as they were written: they may lie outside of what Postgres knows.
  approval_expires_at text collate "C",
  scheduled_for text collate "C",
  rail text collate "C",
  hold text collate "C",
  reverses text collate "C",
  reversed numeric,
  schedule text collate "C",
  bulk text collate "C",
  created_at timestamptz(3) not null,
  completed_at timestamptz(3),
  position bigint not null unique,
  first_position bigint not null unique,
  workflow_id text collate "C" not null
);

create index transfers_by_source on transfers (source, first_position);
create index transfers_by_destination on transfers (destination, first_position);
create index transfers_by_status on transfers (status, first_position);
-- What most transfers lack is indexed only where it is.
create index transfers_by_reference on transfers (reference, first_position) where reference is not null;
create index transfers_by_reverses on transfers (reverses, first_position) where reverses is not null;
create index transfers_by_schedule on transfers (schedule, first_position) where schedule is not null;
create index transfers_by_bulk on transfers (bulk, first_position) where bulk is not null;

comment on table transfers is
  'Every transfer after its last event, rejected ones too. Money is in minor units, such as cents';
comment on column transfers.source is 'the account that is debited; null if the transfer has entries of its own';
comment on column transfers.destination is 'the account that is credited; null if the transfer has entries of its own';
comment on column transfers.entries is 'of a transaction; null if it moves money from a source to a destination';
comment on column transfers.reason is 'the code of the rejection';
comment on column transfers.hold is 'that it captures';
comment on column transfers.reverses is 'the transfer that it moves back';
comment on column transfers.reversed is 'how much of it was moved back';
comment on column transfers.completed_at is 'null while it waits';
comment on column transfers.position is 'of its last event in the log';
comment on column transfers.first_position is 'of its first event in the log; lists are in this order';
comment on column transfers.workflow_id is 'in Temporal';

-- An index of the entries themselves would find the transfers of an account but not in their order, and an account for
-- fees is in millions of them.
create table transaction_accounts (
  account text collate "C" not null,
  first_position bigint not null references transfers (first_position) on delete cascade,
  primary key (first_position, account)
);

create index transaction_accounts_by_account on transaction_accounts (account, first_position);

comment on table transaction_accounts is 'The accounts in the entries of transfers, each once';
comment on column transaction_accounts.first_position is 'of the transfer';

-- As the labels of accounts.
create table labels (
  kind text collate "C" not null,
  label text collate "C" not null,
  first_position bigint not null,
  primary key (kind, label, first_position)
);

comment on table labels is 'The metadata of transfers and holds, for finding them by it';
comment on column labels.kind is 'transfer or hold';
comment on column labels.label is 'key=value';
comment on column labels.first_position is 'of the transfer or the hold';

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
  reason text,
  transfer text collate "C",
  expires_at text collate "C",
  created_at timestamptz(3) not null,
  position bigint not null unique,
  first_position bigint not null unique,
  workflow_id text collate "C" not null
);

create index holds_by_account on holds (account, first_position);
create index holds_by_status on holds (status, first_position);

comment on table holds is 'Every hold after its last event. Money is in minor units, such as cents';
comment on column holds.destination is 'where a capture moves the money to, unless it says otherwise';
comment on column holds.reason is 'why it was voided';
comment on column holds.transfer is 'that captured it';
comment on column holds.position is 'of its last event in the log';
comment on column holds.first_position is 'of its first event in the log; lists are in this order';
comment on column holds.workflow_id is 'in Temporal';
