-- SPDX-License-Identifier: Apache-2.0
-- What a group's members must know before they read: what follows when a log was cut short or its offsets
-- expired, whether this is the right database and the right cluster, and whether the table is theirs.
--
-- Own SQLSTATE: PA007, another group writes the table.

-- Offsets that Kafka no longer has, and logs that were cut short behind a cursor.
create table pactolus.losses (
    loss_id     bigint generated always as identity primary key,
    cursor_id   bigint not null references pactolus.cursors,
    pass        integer not null,
    why         text not null check (why in ('retention', 'truncation')),
    from_offset bigint not null,
    to_offset   bigint not null,
    lost        bigint not null,
    skipped     bigint not null,
    at          timestamptz not null default now(),
    by          text not null
);
comment on table pactolus.losses is 'Cursors that were moved because Kafka lacks their next offset: from where to where, how many offsets were lost, and how many that are there were passed over because the stream says "latest"';

-- Move a cursor that stands outside [low, high] to `target`, under its fence, which counts up (what the
-- group was told before is no measure any more), and book why. Forward: what
-- lies below `low` is lost, the rest skipped. Backward (the log was cut short): the pass ends, another
-- begins at `target`. Read from the start again, records get the order_ts that they had, from the nearest
-- point; read from the end, new ones go on above all that was read before.
create function pactolus.move_stranded(
    for_cursor bigint, its_fence bigint, its_token bigint, expected bigint,
    low bigint, target bigint, from_start boolean)
returns void language plpgsql as $$
declare
    old pactolus.cursors%rowtype;
    gone bigint := greatest(least(low, target) - expected, 0);
    passed_over bigint := greatest(target - greatest(low, expected), 0);
begin
    select c.* into old from pactolus.cursors c where c.cursor_id = for_cursor for no key update;
    if not found or (old.fence, old.token) is distinct from (its_fence, its_token) then
        raise exception using errcode = 'PA001', message = format('cursor %s: another owner holds the fence', for_cursor);
    end if;
    if old.next_offset <> expected then
        raise exception using errcode = 'PA002', message = format('cursor %s is not where it was', for_cursor);
    end if;
    insert into pactolus.losses (cursor_id, pass, why, from_offset, to_offset, lost, skipped, by)
    values (for_cursor, old.pass, case when target < expected then 'truncation' else 'retention' end,
            expected, target, gone, passed_over, format('%s (daemon %s)', current_user, old.owner));
    if target >= expected then
        update pactolus.cursors c
           set next_offset = target, fence = c.fence + 1, lost = c.lost + gone,
               skipped = c.skipped + passed_over, updated_at = now()
         where c.cursor_id = for_cursor;
        return;
    end if;
    insert into pactolus.passes (cursor_id, pass, from_offset, to_offset, consumed, gaps, skipped, lost)
    values (for_cursor, old.pass, old.pass_start, old.next_offset, old.consumed, old.gaps, old.skipped, old.lost);
    delete from pactolus.order_points o where o.log_id = old.log_id and o."offset" > target;
    update pactolus.cursors c
       set next_offset = target, fence = c.fence + 1, pass = c.pass + 1, pass_start = target,
           consumed = 0, gaps = 0, skipped = 0, lost = 0, updated_at = now(),
           order_ts = case when from_start
                           then coalesce((select o.order_ts from pactolus.order_points o
                                           where o.log_id = old.log_id order by o."offset" desc limit 1), -1)
                           else c.order_ts end
     where c.cursor_id = for_cursor;
end $$;

-- The right database. A copy made beside the original (CREATE DATABASE … TEMPLATE, a restored dump)
-- carries the same rows, but lies elsewhere: its oid or the server's system identifier differ. A promoted
-- standby has both of its primary, and goes on. A second physical copy has them too: that one is found
-- out by what its daemons tell Kafka, which is database_id, log and fence with every offset.
alter table pactolus.identity
    add column system_identifier text not null default '',
    add column database_oid oid not null default 0;
comment on table pactolus.identity is 'Which database this is, and where it lay when that was written; a copy is told apart until `pactolus adopt`';

-- Where this database lies. The system identifier is '' when the role may not see it.
create function pactolus.here(out system_identifier text, out database_oid oid)
language plpgsql stable as $$
begin
    database_oid := (select d.oid from pg_catalog.pg_database d where d.datname = current_database());
    begin
        system_identifier := (select c.system_identifier::text from pg_catalog.pg_control_system() c);
    exception when insufficient_privilege then
        system_identifier := '';
    end;
end $$;
update pactolus.identity i set system_identifier = h.system_identifier, database_oid = h.database_oid
  from pactolus.here() h;

create table pactolus.groups (
    consumer_group text primary key,
    cluster_id     text not null,
    since          timestamptz not null default now()
);
comment on table pactolus.groups is 'The Kafka cluster of each consumer group; another one halts its streams until `pactolus adopt`';
insert into pactolus.groups (consumer_group, cluster_id)
select distinct on (s.consumer_group) s.consumer_group, l.cluster_id
  from pactolus.cursors c join pactolus.logs l using (log_id) join pactolus.streams s using (stream_id)
 order by s.consumer_group, c.updated_at desc;

create table pactolus.adoptions (
    adoption_id       bigint generated always as identity primary key,
    kind              text not null check (kind in ('adopted', 'behind')),
    consumer_group    text not null,
    reason            text not null,
    database_id       uuid not null,
    system_identifier text not null,
    database_oid      oid not null,
    cluster_id        text not null default '',
    over              uuid[] not null default '{}',
    tables            text[] not null default '{}',
    at                timestamptz not null default now(),
    by                text not null
);
comment on table pactolus.adoptions is 'When this database got a new id, and what it was until then: adopted by a person, over other databases whose ids Kafka told and instead of other groups that wrote its tables; or found behind what its group had told Kafka (a restored backup, a standby that lagged)';

-- What a daemon of the group compares at each claim; the first one writes its cluster down. `known`: all
-- ids that this database has had or was adopted over.
create function pactolus.identify(for_group text, for_cluster text)
returns table (database_id text, known text, moved boolean, was text, is_now text, cluster_id text)
language sql as $$
    insert into pactolus.groups (consumer_group, cluster_id) values (for_group, for_cluster)
    on conflict do nothing;
    select i.database_id::text,
           concat_ws(' ', i.database_id, (select string_agg(concat_ws(' ', a.database_id,
                                                                     array_to_string(a.over, ' ')), ' ')
                                            from pactolus.adoptions a)),
           i.database_oid <> h.database_oid or
               i.system_identifier <> h.system_identifier and '' not in (i.system_identifier, h.system_identifier),
           format('database %s of system %s', i.database_oid, i.system_identifier),
           format('database %s of system %s', h.database_oid, h.system_identifier),
           (select g.cluster_id from pactolus.groups g where g.consumer_group = for_group)
      from pactolus.identity i, pactolus.here() h
$$;

-- Found behind: the history from here is another one than what Kafka was told, so it gets an id of its
-- own. Should the other one go on too, its daemons find this id and halt. One of many that find it wins.
-- Returns the id as it is then.
create function pactolus.branch(from_id uuid, for_group text, why text, who text)
returns uuid language plpgsql as $$
begin
    insert into pactolus.adoptions (kind, consumer_group, reason, database_id, system_identifier, database_oid, by)
    select 'behind', for_group, why, i.database_id, i.system_identifier, i.database_oid, who
      from pactolus.identity i where i.database_id = from_id for no key update;
    if found then
        update pactolus.identity i set database_id = gen_random_uuid();
    end if;
    return (select i.database_id from pactolus.identity i);
end $$;

-- Which group writes a table. Two would each believe to have all of its records, and book them twice.
create table pactolus.writers (
    schema_name    text not null,
    table_name     text not null,
    consumer_group text not null,
    since          timestamptz not null default now(),
    primary key (schema_name, table_name)
);
comment on table pactolus.writers is 'The one group that writes each table: the first that claimed, until another one adopts it or none of its streams names the table any more';
insert into pactolus.writers (schema_name, table_name, consumer_group)
select distinct on (s.schema_name, s.table_name) s.schema_name, s.table_name, s.consumer_group
  from pactolus.cursors c join pactolus.streams s using (stream_id)
 order by s.schema_name, s.table_name, c.updated_at desc;

-- Before a claim. The row is not locked when it is right already: claims of one group do not wait for
-- each other here.
create function pactolus.take_table(for_stream integer) returns void language plpgsql as $$
declare
    mine record;
    writer text;
begin
    select s.consumer_group, s.schema_name, s.table_name into mine
      from pactolus.streams s where s.stream_id = for_stream;
    select w.consumer_group into writer from pactolus.writers w
     where (w.schema_name, w.table_name) = (mine.schema_name, mine.table_name);
    if writer = mine.consumer_group then
        return;
    end if;
    insert into pactolus.writers as w (schema_name, table_name, consumer_group)
    values (mine.schema_name, mine.table_name, mine.consumer_group)
    on conflict (schema_name, table_name) do update
       set consumer_group = excluded.consumer_group, since = now()
     where not exists (select from pactolus.streams s
                        where s.consumer_group = w.consumer_group and s.schema_name = w.schema_name
                          and s.table_name = w.table_name);
    select w.consumer_group into writer from pactolus.writers w
     where (w.schema_name, w.table_name) = (mine.schema_name, mine.table_name);
    if writer <> mine.consumer_group then
        raise exception using errcode = 'PA007',
            message = format('table %s.%s is written by group %s; two groups must not write one table',
                             mine.schema_name, mine.table_name, writer),
            hint = format('pactolus adopt --dry-run, then --execute, if group %s is to write it from now on; '
                          'else give the stream a table of its own', mine.consumer_group);
    end if;
end $$;

-- As in 0004, and only for the group that writes the table.
create or replace function pactolus.claim(
    for_stream integer, for_cluster text, topics text[], topic_ids text[], versions integer[],
    partitions integer[], starts bigint[], new_owner uuid, new_tokens bigint[])
returns table (topic text, partition integer, cursor_id bigint, log_id bigint, next_offset bigint,
               fence bigint, token bigint, order_ts bigint)
language plpgsql as $$
#variable_conflict use_column
declare
    logs bigint[];
begin
    if cardinality(topics) <> any (array[cardinality(topic_ids), cardinality(versions),
            cardinality(partitions), cardinality(starts), cardinality(new_tokens)]) then
        raise exception using errcode = 'PA004', message = 'claim: arrays of unequal lengths';
    end if;
    perform pactolus.take_table(for_stream);
    logs := array(
        select pactolus.log_of(for_cluster, w.topic, w.topic_id, w.version, w.partition)
          from unnest(topics, topic_ids, versions, partitions) with ordinality
               as w(topic, topic_id, version, partition, place)
         order by w.place);
    insert into pactolus.cursors (stream_id, log_id, next_offset, pass_start)
    select for_stream, w.log_id, w.start, w.start
      from unnest(logs, starts) as w(log_id, start) where w.start is not null order by w.log_id
    on conflict (stream_id, rebuild, log_id) do nothing;
    perform 1 from pactolus.cursors c
      where c.stream_id = for_stream and c.rebuild = 0 and c.log_id = any (logs)
      order by c.cursor_id for no key update;
    update pactolus.cursors c
       set fence = c.fence + 1, token = w.token, owner = new_owner, updated_at = now()
      from unnest(logs, new_tokens) as w(log_id, token)
     where c.log_id = w.log_id and c.stream_id = for_stream and c.rebuild = 0;
    return query
        select w.topic, w.partition, c.cursor_id, c.log_id, c.next_offset, c.fence, c.token, c.order_ts
          from unnest(topics, partitions, logs) with ordinality as w(topic, partition, log_id, place)
          join pactolus.cursors c on c.log_id = w.log_id and c.stream_id = for_stream and c.rebuild = 0
         order by w.place;
end $$;

-- Take the tables of a group's streams from the groups that wrote them. New fences make these groups'
-- daemons claim again, and be refused. Returns "schema.table (group)".
create function pactolus.take_tables(for_group text)
returns setof text language plpgsql as $$
begin
    perform 1 from pactolus.cursors c join pactolus.streams s using (stream_id)
      where s.consumer_group <> for_group
        and (s.schema_name, s.table_name) in (select o.schema_name, o.table_name from pactolus.streams o
                                               where o.consumer_group = for_group)
      order by c.cursor_id for no key update of c;
    update pactolus.cursors c set fence = c.fence + 1, updated_at = now()
      from pactolus.streams s, pactolus.writers w, pactolus.streams o
     where s.stream_id = c.stream_id and o.consumer_group = for_group
       and s.consumer_group = w.consumer_group and w.consumer_group <> for_group
       and (w.schema_name, w.table_name) = (s.schema_name, s.table_name)
       and (w.schema_name, w.table_name) = (o.schema_name, o.table_name);
    return query
        with taken as (
            select w.schema_name, w.table_name, w.consumer_group
              from pactolus.writers w
              join pactolus.streams o on (o.schema_name, o.table_name) = (w.schema_name, w.table_name)
             where o.consumer_group = for_group and w.consumer_group <> for_group
               for no key update of w
        ), moved as (
            update pactolus.writers w set consumer_group = for_group, since = now()
              from taken t where (w.schema_name, w.table_name) = (t.schema_name, t.table_name)
        )
        select distinct format('%s.%s (%s)', t.schema_name, t.table_name, t.consumer_group) from taken t;
end $$;

-- A person says that this is the right database, cluster and group. Ends the halts that asked for it.
-- Returns what was taken and what goes on: ('table', 'schema.table (group)'), ('stream', name).
create function pactolus.adopt(for_group text, for_cluster text, over_ids uuid[], why text, who text)
returns table (kind text, what text) language plpgsql as $$
#variable_conflict use_column
declare
    taken text[] := array(select t from pactolus.take_tables(for_group) t order by t);
    stream record;
begin
    insert into pactolus.adoptions (kind, consumer_group, reason, database_id, system_identifier,
                                    database_oid, cluster_id, over, tables, by)
    select 'adopted', for_group, why, i.database_id, i.system_identifier, i.database_oid,
           coalesce((select g.cluster_id from pactolus.groups g where g.consumer_group = for_group), ''),
           over_ids, taken, who
      from pactolus.identity i for no key update;
    update pactolus.identity i
       set database_id = gen_random_uuid(), system_identifier = h.system_identifier,
           database_oid = h.database_oid
      from pactolus.here() h;
    insert into pactolus.groups (consumer_group, cluster_id) values (for_group, for_cluster)
    on conflict (consumer_group) do update set cluster_id = excluded.cluster_id, since = now();
    return query select 'table', t from unnest(taken) t;
    for stream in select s.stream_id, s.name from pactolus.streams s
                   where s.consumer_group = for_group and s.state = 'halted' and s.hint like 'pactolus adopt%'
                   order by s.name loop
        perform pactolus.resume(stream.stream_id, why, who, false);
        return query select 'stream', stream.name;
    end loop;
end $$;

-- As in 0002, one after the other: who forgets an owner must see the session that this owner records at
-- the same time, or that session would go on unrecorded, and nobody could end it when its daemon freezes.
create or replace function pactolus.register_owner(
    new_owner uuid, for_group text, on_host text, as_process integer, with_version text)
returns void language sql as $$
    select pg_advisory_xact_lock(hashtext('pactolus.owners'));
    delete from pactolus.owners o
     where o.consumer_group = for_group and o.owner <> new_owner
       and not exists (select 1 from pactolus.cursors c where c.owner = o.owner)
       and not exists (select 1 from pactolus.backends b join pg_stat_activity a
                          on a.pid = b.pid and a.backend_start = b.backend_start
                        where b.owner = o.owner);
    insert into pactolus.owners (owner, consumer_group, host, process, version)
    values (new_owner, for_group, on_host, as_process, with_version)
    on conflict (owner) do nothing;
$$;
