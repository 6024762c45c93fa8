-- SPDX-License-Identifier: Apache-2.0
-- Which contract each stream had, and since when; and which programs may run on this schema.

create table pactolus.stream_contracts (
    stream_id   integer not null references pactolus.streams,
    since       timestamptz not null default clock_timestamp(),
    fingerprint text not null,
    contracts   text[] not null,
    changed_by  text not null,
    primary key (stream_id, since)
);
comment on table pactolus.stream_contracts is 'Which contracts a stream had from when on; migrate adds a row when they change';
comment on column pactolus.stream_contracts.fingerprint is 'What pactolus.streams.fingerprint was then';
comment on column pactolus.stream_contracts.contracts is 'Fingerprints of the contracts, whose descriptors pactolus.contracts keeps';

-- Streams that stand. When their contract came is not known: its descriptors were kept then.
insert into pactolus.stream_contracts (stream_id, since, fingerprint, contracts, changed_by)
select s.stream_id, coalesce(c.added_at, now()), s.fingerprint,
       case when c.fingerprint is null then '{}' else array[c.fingerprint] end, current_user
  from pactolus.streams s left join pactolus.contracts c using (fingerprint);

-- A stream has these contracts from now on: what migrate does last, and the sign for daemons that
-- run. Contracts are kept with the descriptor set that they were read from.
create function pactolus.note_contract(
    for_group text, for_stream text, in_schema text, for_table text, in_view_schema text, for_view text,
    contract_names text[], contract_prints text[], stream_print text, descriptor_set bytea, who text)
returns void language plpgsql as $$
declare
    id integer;
    last_print text;
begin
    insert into pactolus.contracts (fingerprint, name, descriptors)
    select n.print, n.name, descriptor_set
      from unnest(contract_prints, contract_names) as n(print, name)
        on conflict (fingerprint) do nothing;
    insert into pactolus.streams as s (consumer_group, name, schema_name, table_name, view_schema,
                                       view_name, contracts, fingerprint)
    values (for_group, for_stream, in_schema, for_table, in_view_schema, for_view, contract_names,
            stream_print)
        on conflict (consumer_group, name) do update
       set schema_name = excluded.schema_name, table_name = excluded.table_name,
           view_schema = excluded.view_schema, view_name = excluded.view_name,
           contracts = excluded.contracts, fingerprint = excluded.fingerprint
    returning s.stream_id into id;
    select h.fingerprint into last_print
      from pactolus.stream_contracts h where h.stream_id = id order by h.since desc limit 1;
    if last_print is distinct from stream_print then
        insert into pactolus.stream_contracts (stream_id, fingerprint, contracts, changed_by)
        values (id, stream_print, contract_prints, who);
    end if;
end $$;

-- The last migration that a program must know to run on this schema. Migrations add; one that takes
-- something away which older programs use says so by replacing this function.
create function pactolus.oldest_program() returns integer language sql immutable as 'select 7';
