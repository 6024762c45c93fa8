-- SPDX-License-Identifier: Apache-2.0
-- The functions through which daemons move cursors. Each locks in id order, so that two daemons
-- can wait for each other but never deadlock here.

-- The packed log id (record/record.h says the same in C).
create function pactolus.log_pack(generation integer, ordinal integer, partition integer)
returns bigint language plpgsql immutable as $$
begin
    if generation not between 0 and 32767 or ordinal not between 0 and 16777215
       or partition not between 0 and 16777215 then
        raise exception using errcode = 'PA005',
            message = format('log (generation %s, ordinal %s, partition %s) is past what a log id can hold',
                             generation, ordinal, partition);
    end if;
    return (generation::bigint << 48) | (ordinal::bigint << 24) | partition::bigint;
end $$;

-- The fence: the first statement of every batch. Locks the cursors in id order, checks fence, token
-- and expected offset, advances and books the account. Raises when any cursor does not match, so a
-- zombie writes nothing.
create function pactolus.advance(
    ids bigint[], fences bigint[], tokens bigint[], expected bigint[], nexts bigint[],
    order_tss bigint[], add_consumed bigint[], add_gaps bigint[], add_skipped bigint[])
returns void language plpgsql as $$
declare
    moved integer;
    bad record;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'PA003',
            message = 'the fence needs READ COMMITTED, not ' || current_setting('transaction_isolation');
    end if;
    if cardinality(ids) <> any (array[cardinality(fences), cardinality(tokens), cardinality(expected),
            cardinality(nexts), cardinality(order_tss), cardinality(add_consumed),
            cardinality(add_gaps), cardinality(add_skipped)]) then
        raise exception using errcode = 'PA004', message = 'advance: arrays of unequal lengths';
    end if;
    perform 1 from pactolus.cursors where cursor_id = any (ids) order by cursor_id for no key update;
    update pactolus.cursors c
       set next_offset = m.next, order_ts = greatest(c.order_ts, m.order_ts),
           consumed = c.consumed + m.consumed, gaps = c.gaps + m.gaps,
           skipped = c.skipped + m.skipped, updated_at = now()
      from (select unnest(ids) as id, unnest(fences) as fence, unnest(tokens) as token,
                   unnest(expected) as expected, unnest(nexts) as next,
                   unnest(order_tss) as order_ts, unnest(add_consumed) as consumed,
                   unnest(add_gaps) as gaps, unnest(add_skipped) as skipped) m
     where c.cursor_id = m.id and c.fence = m.fence and c.token = m.token
       and c.next_offset = m.expected;
    get diagnostics moved = row_count;
    if moved = cardinality(ids) then
        -- A point every 65,536 offsets: from there a replay knows the order_ts of what it reads.
        if (select bool_or(n >> 16 <> e >> 16) from (select unnest(nexts) as n, unnest(expected) as e) m) then
            insert into pactolus.order_points (log_id, "offset", order_ts)
            select c.log_id, c.next_offset, c.order_ts
              from (select unnest(ids) as id, unnest(nexts) as n, unnest(expected) as e) m
              join pactolus.cursors c on c.cursor_id = m.id
             where m.n >> 16 <> m.e >> 16
            on conflict do nothing;
        end if;
        return;
    end if;
    select c.cursor_id, c.fence, c.token, c.next_offset, m.fence as my_fence, m.token as my_token,
           m.expected
      into bad
      from (select unnest(ids) as id, unnest(fences) as fence, unnest(tokens) as token,
                   unnest(expected) as expected) m
      left join pactolus.cursors c on c.cursor_id = m.id
     where c.cursor_id is null or (c.fence, c.token) is distinct from (m.fence, m.token)
     order by 1 limit 1;
    if found then
        raise exception using errcode = 'PA001',
            message = format('cursor %s: fence is %s, this owner holds %s', bad.cursor_id, bad.fence, bad.my_fence);
    end if;
    raise exception using errcode = 'PA002',
        message = 'a cursor is not at the offset where the batch begins';
end $$;

-- The log of a partition, made when it is new. Serialised by an advisory lock of the transaction.
create function pactolus.log_of(for_cluster text, for_topic text, topic_version integer, for_partition integer)
returns bigint language plpgsql as $$
declare
    found_log bigint;
    topic_ordinal integer;
    topic_incarnation integer;
begin
    select l.log_id into found_log from pactolus.logs l
     where l.cluster_id = for_cluster and l.topic = for_topic and l.partition = for_partition
     order by l.incarnation desc limit 1;
    if found then
        return found_log;
    end if;
    perform pg_advisory_xact_lock(hashtext('pactolus.logs'));
    select l.log_id into found_log from pactolus.logs l
     where l.cluster_id = for_cluster and l.topic = for_topic and l.partition = for_partition
     order by l.incarnation desc limit 1;
    if found then
        return found_log;
    end if;
    select l.ordinal, l.incarnation into topic_ordinal, topic_incarnation from pactolus.logs l
     where l.cluster_id = for_cluster and l.topic = for_topic order by l.incarnation desc limit 1;
    if not found then
        select coalesce(max(l.ordinal), 0) + 1 into topic_ordinal from pactolus.logs l;
        topic_incarnation := 1;
    end if;
    insert into pactolus.logs (log_id, cluster_id, topic, incarnation, generation, ordinal, partition)
    values (pactolus.log_pack(topic_version << 8 | topic_incarnation, topic_ordinal, for_partition),
            for_cluster, for_topic, topic_incarnation, topic_version << 8 | topic_incarnation,
            topic_ordinal, for_partition)
    returning log_id into found_log;
    return found_log;
end $$;

-- Claim the cursors of these partitions for `new_owner`: a new fence and a new token each. A
-- partition that has no cursor gets one at starts[i]. Rows come back in the order of the arrays.
create function pactolus.claim(
    for_stream integer, for_cluster text, topics text[], versions integer[], partitions integer[],
    starts bigint[], new_owner uuid, new_tokens bigint[])
returns table (topic text, partition integer, cursor_id bigint, log_id bigint, next_offset bigint,
               fence bigint, token bigint, order_ts bigint)
language plpgsql as $$
#variable_conflict use_column
declare
    logs bigint[];
begin
    if cardinality(topics) <> any (array[cardinality(versions), cardinality(partitions),
            cardinality(starts), cardinality(new_tokens)]) then
        raise exception using errcode = 'PA004', message = 'claim: arrays of unequal lengths';
    end if;
    logs := array(
        select pactolus.log_of(for_cluster, w.topic, w.version, w.partition)
          from unnest(topics, versions, partitions) with ordinality as w(topic, version, partition, place)
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

-- End the sessions that block `waiting` and that an owner of one of this stream's cursors recorded: a
-- half-sent pipeline of a frozen daemon escapes every timeout of the server. Returns how many.
create function pactolus.end_blockers(waiting integer, for_stream integer, new_owner uuid)
returns integer language sql as $$
    select count(*)::integer from (
        select pg_terminate_backend(a.pid)
          from unnest(pg_blocking_pids(waiting)) as blocker(pid)
          join pg_stat_activity a on a.pid = blocker.pid
          join pactolus.backends b on b.pid = a.pid and b.backend_start = a.backend_start
         where b.owner <> new_owner
           and b.owner in (select c.owner from pactolus.cursors c where c.stream_id = for_stream)
    ) ended
$$;

-- Join a group's daemons; forgets owners that hold nothing any more.
create function pactolus.register_owner(
    new_owner uuid, for_group text, on_host text, as_process integer, with_version text)
returns void language sql as $$
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

-- Every session of an owner says so once, right after it connects.
create function pactolus.register_backend(for_owner uuid) returns void language sql as $$
    delete from pactolus.backends b where b.owner = for_owner
       and not exists (select 1 from pg_stat_activity a
                        where a.pid = b.pid and a.backend_start = b.backend_start);
    insert into pactolus.backends (owner, pid, backend_start)
    select for_owner, a.pid, a.backend_start from pg_stat_activity a where a.pid = pg_backend_pid()
    on conflict do nothing;
$$;

-- The account row of one lane.
create function pactolus.open_account(for_stream integer, for_owner uuid, for_lane integer)
returns bigint language sql as $$
    insert into pactolus.accounts (stream_id, owner, lane) values (for_stream, for_owner, for_lane)
    on conflict (stream_id, owner, lane) do update set updated_at = now()
    returning account_id;
$$;

-- The wished state of a stream, changed with a reason by a person or, for a halt, by the daemon.
create function pactolus.set_state(for_stream integer, new_state text, new_reason text, new_hint text, who text)
returns void language sql as $$
    update pactolus.streams
       set state = new_state, reason = new_reason, hint = new_hint, changed_at = now(), changed_by = who
     where stream_id = for_stream;
$$;
