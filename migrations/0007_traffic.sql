-- SPDX-License-Identifier: Apache-2.0
-- What each contract version still carries, and what producers write that no contract knows: both are
-- evidence. Daemons add what they have counted every ten seconds. A crash loses the last of it, a record
-- that is read again is counted again: measures, not accounts.

create table pactolus.topics (
    stream_id integer not null references pactolus.streams,
    topic     text not null,
    contract  text not null,
    version   integer not null,
    status    text not null check (status in ('active', 'draft', 'deprecated')),
    sunset    date,
    since     timestamptz not null default now(),
    primary key (stream_id, topic)
);
comment on table pactolus.topics is 'The topics of each stream as its daemons read them: contract, version, and the day from which nobody should write it any more';

create table pactolus.topic_hours (
    stream_id integer not null references pactolus.streams,
    topic     text not null,
    hour      timestamptz not null,
    records   bigint not null,
    newest    timestamptz,
    primary key (stream_id, topic, hour)
) with (fillfactor = 50);
comment on table pactolus.topic_hours is 'Records taken from each topic, by the hour in which they were committed; kept for 35 days';

create table pactolus.unknowns (
    stream_id  integer not null references pactolus.streams,
    kind       text not null check (kind in ('field', 'enum')),
    type_name  text not null,
    number     integer not null,
    times      bigint not null,
    first_seen timestamptz not null default now(),
    last_seen  timestamptz not null default now(),
    primary key (stream_id, kind, type_name, number)
) with (fillfactor = 50);
comment on table pactolus.unknowns is 'Field numbers and enum numbers that records carry and the contract does not know: a producer has moved on';

create function pactolus.tally_topics(
    for_stream integer, topics text[], contracts text[], versions integer[], statuses text[],
    sunsets text[], counts bigint[], newests bigint[])
returns void language plpgsql as $$
declare
    this_hour constant timestamptz := date_trunc('hour', now());
begin
    insert into pactolus.topics as t (stream_id, topic, contract, version, status, sunset)
    select for_stream, n.topic, n.contract, n.version, n.status, nullif(n.sunset, '')::date
      from unnest(topics, contracts, versions, statuses, sunsets)
           as n(topic, contract, version, status, sunset)
        on conflict (stream_id, topic) do update
       set contract = excluded.contract, version = excluded.version, status = excluded.status,
           sunset = excluded.sunset, since = now()
     where (t.contract, t.version, t.status, t.sunset)
           is distinct from (excluded.contract, excluded.version, excluded.status, excluded.sunset);
    -- The first of an hour sweeps.
    if not exists (select from pactolus.topic_hours h
                    where h.stream_id = for_stream and h.hour = this_hour) then
        delete from pactolus.topic_hours h
         where h.stream_id = for_stream and h.hour < this_hour - interval '35 days';
    end if;
    insert into pactolus.topic_hours as h (stream_id, topic, hour, records, newest)
    select for_stream, n.topic, this_hour, n.records,
           case when n.newest >= 0 then to_timestamp(n.newest / 1000.0) end
      from unnest(topics, counts, newests) as n(topic, records, newest)
     where n.records > 0 order by n.topic
        on conflict (stream_id, topic, hour) do update
       set records = h.records + excluded.records, newest = greatest(h.newest, excluded.newest);
end $$;

create function pactolus.tally_unknowns(
    for_stream integer, kinds text[], type_names text[], numbers integer[], counts bigint[])
returns void language sql as $$
    insert into pactolus.unknowns as u (stream_id, kind, type_name, number, times)
    select for_stream, n.kind, n.type_name, n.number, n.times
      from unnest(kinds, type_names, numbers, counts) as n(kind, type_name, number, times)
     order by 2, 3, 4
        on conflict (stream_id, kind, type_name, number) do update
       set times = u.times + excluded.times, last_seen = now()
$$;

create view pactolus.traffic as
with recent as (
    select h.stream_id, h.topic, max(h.newest) as newest_record,
           sum(h.records) filter (where h.hour > now() - interval '24 hours') as records_day,
           sum(h.records) filter (where h.hour > now() - interval '7 days') as records_week
      from pactolus.topic_hours h group by h.stream_id, h.topic
)
select s.consumer_group, s.name as stream, t.topic, t.contract, t.version, t.status, t.sunset,
       coalesce(r.records_day, 0)::bigint as records_day,
       round(coalesce(100 * r.records_day / nullif(sum(r.records_day) over (partition by t.stream_id), 0), 0), 2)
           as percent_day,
       coalesce(r.records_week, 0)::bigint as records_week,
       r.newest_record,
       coalesce(r.newest_record >= t.sunset, false) as past_sunset
  from pactolus.topics t
  join pactolus.streams s using (stream_id)
  left join recent r using (stream_id, topic);
comment on view pactolus.traffic is 'What each topic and contract version of a stream still carries: a version is retired when its share is 0, not when its sunset has come';

create view pactolus.drift as
select s.consumer_group, s.name as stream, u.kind, u.type_name, u.number, u.times, u.first_seen, u.last_seen
  from pactolus.unknowns u join pactolus.streams s using (stream_id);
comment on view pactolus.drift is 'Fields and enum numbers that records carry and their contract does not know: the first sign that a producer moved on';
