create table daily_totals (
  account text collate "C" not null,
  currency text collate "C" not null,
  day date not null,
  debits numeric not null,
  credits numeric not null,
  count bigint not null,
  closing_balance bigint not null,
  position bigint not null,
  primary key (account, day, currency)
) with (fillfactor = 70);

comment on table daily_totals is
  'What each account took in and gave out on each day, UTC; days without entries are left out';
comment on column daily_totals.debits is 'in minor units, such as cents';
comment on column daily_totals.credits is 'in minor units, such as cents';
comment on column daily_totals.count is 'of its entries';
comment on column daily_totals.closing_balance is 'posted, after the last entry of the day';
comment on column daily_totals.position is 'of the last entry of the day, in the log';
