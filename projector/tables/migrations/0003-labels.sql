-- What accounts, transfers and holds are found by that their owners wrote on them: each `key=value` of their metadata,
-- with where the thing began, which is what its list is ordered by. An index of the metadata itself (GIN) would find
-- the things that have a value but not in their order, and `channel=web` is on millions of them. Key and value are one
-- text, so that Postgres counts how often the two are together.
create table labels (
  -- 'account', 'transfer' or 'hold': what is listed apart lies apart.
  kind text collate "C" not null,
  label text collate "C" not null,
  first_position bigint not null,
  primary key (kind, label, first_position)
);

insert into labels
  select 'account', key || '=' || value, first_position from accounts, jsonb_each_text(metadata)
  union all
  select 'transfer', key || '=' || value, first_position from transfers, jsonb_each_text(metadata)
  union all
  select 'hold', key || '=' || value, first_position from holds, jsonb_each_text(metadata);
