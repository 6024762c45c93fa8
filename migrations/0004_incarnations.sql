-- SPDX-License-Identifier: Apache-2.0
-- A topic that was deleted and made anew is another log: the same offsets name other records. Kafka
-- gives every topic an id; where it is known, another one begins a new incarnation.
--
-- Own SQLSTATEs, beside those of 0001:
--   PA006 old topic id   a broker still tells the id of a topic that is known to be gone; ask again

comment on column pactolus.logs.topic_id is 'Kafka''s id of the topic; the same in all logs of an incarnation, empty when no broker told it';

-- The log of a partition of the topic that has this id now ('' = not known); NULL when there is none
-- yet. Only the newest incarnation counts.
create function pactolus.log_find(for_cluster text, for_topic text, for_topic_id text, for_partition integer)
returns bigint language sql stable as $$
    select l.log_id from pactolus.logs l
     where l.cluster_id = for_cluster and l.topic = for_topic and l.partition = for_partition
       and l.incarnation = (select max(n.incarnation) from pactolus.logs n
                             where n.cluster_id = for_cluster and n.topic = for_topic)
       and (for_topic_id = '' or l.topic_id in ('', for_topic_id))
$$;

-- The same, made when it is new. An id that nobody has seen yet begins a new incarnation. Serialised by
-- an advisory lock of the transaction.
create function pactolus.log_of(
    for_cluster text, for_topic text, for_topic_id text, topic_version integer, for_partition integer)
returns bigint language plpgsql as $$
declare
    found_log bigint;
    newest record;
begin
    select l.log_id into found_log from pactolus.logs l
     where l.log_id = pactolus.log_find(for_cluster, for_topic, for_topic_id, for_partition)
       and for_topic_id in ('', l.topic_id);
    if found then
        return found_log;
    end if;
    perform pg_advisory_xact_lock(hashtext('pactolus.logs'));
    select l.ordinal, l.incarnation, l.topic_id into newest from pactolus.logs l
     where l.cluster_id = for_cluster and l.topic = for_topic order by l.incarnation desc limit 1;
    if not found then
        select coalesce(max(l.ordinal), 0) + 1 as ordinal, 1 as incarnation, for_topic_id as topic_id
          into newest from pactolus.logs l;
    elsif for_topic_id <> '' and newest.topic_id = '' then
        update pactolus.logs l set topic_id = for_topic_id
         where l.cluster_id = for_cluster and l.topic = for_topic and l.incarnation = newest.incarnation;
        newest.topic_id := for_topic_id;
    elsif for_topic_id not in ('', newest.topic_id) then
        if exists (select from pactolus.logs l where l.cluster_id = for_cluster and l.topic = for_topic
                                                 and l.topic_id = for_topic_id) then
            raise exception using errcode = 'PA006',
                message = format('a broker tells an id of topic %s that is known to be gone', for_topic);
        end if;
        newest.incarnation := newest.incarnation + 1;
        newest.topic_id := for_topic_id;
    end if;
    select l.log_id into found_log from pactolus.logs l
     where l.cluster_id = for_cluster and l.topic = for_topic and l.incarnation = newest.incarnation
       and l.partition = for_partition;
    if found then
        return found_log;
    end if;
    if newest.incarnation > 255 then
        raise exception using errcode = 'PA005',
            message = format('topic %s was made anew more often than a log id can count', for_topic);
    end if;
    insert into pactolus.logs (log_id, cluster_id, topic, incarnation, topic_id, generation, ordinal, partition)
    values (pactolus.log_pack(topic_version << 8 | newest.incarnation, newest.ordinal, for_partition),
            for_cluster, for_topic, newest.incarnation, newest.topic_id,
            topic_version << 8 | newest.incarnation, newest.ordinal, for_partition)
    returning log_id into found_log;
    return found_log;
end $$;

-- For daemons that do not ask for ids yet.
create or replace function pactolus.log_of(
    for_cluster text, for_topic text, topic_version integer, for_partition integer)
returns bigint language sql as $$
    select pactolus.log_of(for_cluster, for_topic, '', topic_version, for_partition)
$$;

-- As in 0002, with the topics' ids ('' = not known). The cursors of an older incarnation stay as they
-- are: history, which nobody claims any more.
create function pactolus.claim(
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

-- The cursors that are read today: those of the newest incarnation of each topic.
create view pactolus.current_cursors as
select q.cursor_id, q.stream_id, q.log_id, q.cluster_id, q.topic, q.incarnation, q.partition,
       q.next_offset, q.order_ts, q.updated_at, q.fence, q.owner
  from (select c.cursor_id, c.stream_id, c.log_id, l.cluster_id, l.topic, l.incarnation, l.partition,
               c.next_offset, c.order_ts, c.updated_at, c.fence, c.owner,
               max(l.incarnation) over (partition by c.stream_id, l.cluster_id, l.topic) as newest
          from pactolus.cursors c join pactolus.logs l using (log_id)
         where c.rebuild = 0) q
 where q.incarnation = q.newest;
comment on view pactolus.current_cursors is 'The cursors of the newest incarnation of each topic; older ones are history';

create or replace view pactolus.progress as
select s.consumer_group, s.name as stream, c.topic, c.partition,
       c.next_offset - 1 as complete_through_offset,
       case when c.order_ts >= 0 then to_timestamp(c.order_ts / 1000.0) end as complete_through_time,
       (select count(*) from pactolus.dead_letters d
         where d.stream_id = s.stream_id and d.log_id = c.log_id and d.state = 'open') as open_dead_letters,
       c.updated_at, c.fence, c.owner
  from pactolus.current_cursors c
  join pactolus.streams s using (stream_id);
