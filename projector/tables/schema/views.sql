-- For people: what the tables of the balances say, in the words of bookkeeping.
create view balances as
  select
    id as account, owner, currency, status, posted, held, overdraft_limit,
    case when id ~ '^world_[A-Z]{3}$' then null else posted - held + overdraft_limit end as available,
    metadata, created_at
  from accounts;

comment on view balances is 'What is on every account. Money is in minor units, such as cents';
comment on column balances.posted is 'credits less debits';
comment on column balances.held is 'the sum of its active holds';
comment on column balances.available is 'posted - held + overdraft_limit; null for a world account, which has no limit';

create view journal as
  select
    position, created_at, transfer, kind, account, currency,
    case direction when 'debit' then amount end as debit,
    case direction when 'credit' then amount end as credit,
    reference
  from entries;

comment on view journal is
  'Every entry of every posted transfer: order by position. Money is in minor units, such as cents';
comment on column journal.position is 'in the log; the entries of a transfer stand together';
comment on column journal.debit is 'null if it is a credit';
comment on column journal.credit is 'null if it is a debit';

create view trial_balance as
  select
    currency, id as account,
    sum(greatest(-posted, 0)) as debit,
    sum(greatest(posted, 0)) as credit
  from accounts
  group by grouping sets ((currency, id), (currency));

comment on view trial_balance is
  'The balance of every account, and the totals of each currency, which are equal: order by currency, account';
comment on column trial_balance.account is 'null in the row with the totals of the currency';
comment on column trial_balance.debit is 'of a balance below zero, in minor units, such as cents';
comment on column trial_balance.credit is 'of a balance above zero, in minor units, such as cents';

create view statement as
  select
    account, created_at, position, transfer, kind, counterparty,
    case direction when 'debit' then amount end as debit,
    case direction when 'credit' then amount end as credit,
    balance, currency, reference
  from entries;

comment on view statement is
  'The entries of an account with the balance after each: where account = ''alice'' order by position';
comment on column statement.counterparty is 'the other account; null if the transfer has more than two';
comment on column statement.debit is 'in minor units, such as cents; null if it is a credit';
comment on column statement.credit is 'in minor units, such as cents; null if it is a debit';
comment on column statement.balance is 'posted, after this entry';
