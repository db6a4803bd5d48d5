-- What is said of projections, beside the rows that they make. Rows and position change in the same transaction.
create table projections (
  name text collate "C" not null,
  state text collate "C" not null default 'live' check (state in ('live', 'building')),
  version integer not null default 1,
  position bigint not null,
  error text,
  primary key (name, state)
) with (fillfactor = 50);

comment on table projections is
  'How far each projection has read the log: its tables show everything up to this position, and nothing after it';
comment on column projections.state is
  'live, or building: a new version that is made beside the live one, and takes its place';
comment on column projections.version is 'of the code that makes the rows';
comment on column projections.error is 'why it has stopped; null while it goes on';

insert into projections (name, position) values ('balances', 0), ('transfers', 0), ('totals', 0);

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

comment on table parked is 'What a projection could not apply and left out: the events of one command';
comment on column parked.position is 'of the first event in the log';
comment on column parked.last_position is 'of the last event in the log';
comment on column parked.subject is 'of the first event in NATS';
