-- SPDX-License-Identifier: Apache-2.0
-- Halts say of which kind they are. One that was a flood of dead letters keeps from when on they
-- count, so that `resume` can read them again.

alter table pactolus.streams
    add column kind text not null default ''
        check (kind in ('', 'operator', 'daemon', 'flood', 'preflight')),
    add column redo_since timestamptz;
comment on column pactolus.streams.kind is
    'What stopped the stream: operator (paused), daemon (met what only a person can mend), flood (of dead letters), preflight (not ready when a daemon started; ends by itself); empty while it runs';
comment on column pactolus.streams.redo_since is
    'Halted by a flood: dead letters failed since then are read again by resume';
update pactolus.streams
   set kind = case state when 'paused' then 'operator' when 'halted' then 'daemon' else '' end;

alter table pactolus.cursors add column redo_to bigint not null default 0;
comment on column pactolus.cursors.redo_to is
    'While next_offset is below it, the log is read again: open dead letters that are passed count as redriven';

-- Stop a stream for a reason, as a daemon does. The first reason stays; a flood still says since when
-- its letters count (`letters_for`: how long ago the first of them may have failed). What a person
-- paused is not touched by a preflight, whose halt would end the pause with it.
create function pactolus.halt(for_stream integer, halt_kind text, why text, way_out text, who text,
                              letters_for interval)
returns void language sql as $$
    update pactolus.streams
       set state = 'halted', kind = halt_kind, reason = why, hint = way_out, changed_at = now(),
           changed_by = who
     where stream_id = for_stream
       and case when halt_kind = 'preflight' then state = 'running' or kind = 'preflight'
                else state <> 'halted' or kind = 'preflight' end;
    update pactolus.streams
       set redo_since = least(redo_since, now() - letters_for)
     where stream_id = for_stream and letters_for is not null;
$$;

-- A daemon found the stream as it must be: a halt by an earlier preflight has ended.
create function pactolus.preflight_passed(for_stream integer, who text)
returns setof text language sql as $$
    with before as (select stream_id, reason from pactolus.streams where stream_id = for_stream)
    update pactolus.streams s
       set state = 'running', kind = '', reason = '', hint = '', changed_at = now(), changed_by = who
      from before
     where s.stream_id = before.stream_id and s.state = 'halted' and s.kind = 'preflight'
    returning before.reason;
$$;

-- Pause a stream. A halt stays what it is, since it must be resumed anyway and its reason would be
-- lost; only one by preflight, which ends by itself, becomes a pause. True when it is paused now.
create function pactolus.pause(for_stream integer, why text, who text)
returns boolean language sql as $$
    update pactolus.streams
       set state = 'paused', kind = 'operator', reason = why, hint = '', changed_at = now(),
           changed_by = who
     where stream_id = for_stream and (state = 'running' or kind = 'preflight');
    select state = 'paused' from pactolus.streams where stream_id = for_stream;
$$;

-- Is this log of the newest incarnation of its topic? Older ones are history, which nobody reads.
create function pactolus.is_current(for_log bigint) returns boolean language sql stable as $$
    select not exists (select 1 from pactolus.logs l join pactolus.logs newer
                          on newer.cluster_id = l.cluster_id and newer.topic = l.topic
                         and newer.incarnation > l.incarnation
                        where l.log_id = for_log);
$$;

-- Let a stream go on. After a flood each cursor with open dead letters of it goes back to the first of
-- them and begins a new pass: that letter's order_ts is the exact one for its record and all behind.
-- The new fence makes daemons that hold the cursor claim it again. `keep_letters` leaves them.
create function pactolus.resume(for_stream integer, why text, who text, keep_letters boolean)
returns table (cursors_back bigint, letters_again bigint, records_again bigint)
language plpgsql as $$
declare
    since timestamptz;
begin
    -- One that a stranger holds: its daemon has batches on their way, and they end first.
    perform 1 from pactolus.cursors c
      where c.stream_id = for_stream and c.rebuild = 0 order by c.cursor_id for no key update;
    select s.redo_since into since from pactolus.streams s
     where s.stream_id = for_stream for no key update;
    if keep_letters then
        since := null;
    end if;
    with first as (
        select c.cursor_id, min(d."offset") as "offset", count(*) as letters
          from pactolus.cursors c
          join pactolus.dead_letters d on d.stream_id = c.stream_id and d.log_id = c.log_id
         where c.stream_id = for_stream and c.rebuild = 0 and d."offset" < c.next_offset
           and d.state = 'open' and d.last_failed_at >= since
           and pactolus.is_current(c.log_id)
         group by c.cursor_id
    ), ended as (
        insert into pactolus.passes
               (cursor_id, pass, from_offset, to_offset, consumed, gaps, skipped, lost)
        select c.cursor_id, c.pass, c.pass_start, c.next_offset, c.consumed, c.gaps, c.skipped, c.lost
          from pactolus.cursors c join first using (cursor_id)
    ), back as (
        update pactolus.cursors c
           set next_offset = first."offset", pass_start = first."offset", order_ts = d.order_ts,
               redo_to = greatest(c.redo_to, c.next_offset), fence = c.fence + 1, pass = c.pass + 1,
               consumed = 0, gaps = 0, skipped = 0, lost = 0, updated_at = now()
          from first, pactolus.dead_letters d
         where c.cursor_id = first.cursor_id and d.stream_id = c.stream_id
           and d.log_id = c.log_id and d."offset" = first."offset"
        returning first.letters, c.redo_to - c.next_offset as records
    )
    select count(*), coalesce(sum(back.letters), 0), coalesce(sum(back.records), 0)
      into cursors_back, letters_again, records_again from back;
    update pactolus.streams
       set state = 'running', kind = '', reason = why, hint = '', redo_since = null,
           changed_at = now(), changed_by = who
     where stream_id = for_stream;
    return next;
end $$;

drop function pactolus.set_state(integer, text, text, text, text);

-- As before; besides, a log that is read again resolves the open dead letters that it passes. One
-- that fails again is opened again behind this, by the statement that inserts the batch's letters.
create or replace function pactolus.advance(
    ids bigint[], fences bigint[], tokens bigint[], expected bigint[], nexts bigint[],
    order_tss bigint[], add_consumed bigint[], add_gaps bigint[], add_skipped bigint[])
returns void language plpgsql as $$
declare
    moved integer;
    point_passed boolean;
    reading_again boolean;
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
    with one as (
        update pactolus.cursors c
           set next_offset = m.next, order_ts = greatest(c.order_ts, m.order_ts),
               consumed = c.consumed + m.consumed, gaps = c.gaps + m.gaps,
               skipped = c.skipped + m.skipped, updated_at = now()
          from (select unnest(ids) as id, unnest(fences) as fence, unnest(tokens) as token,
                       unnest(expected) as expected, unnest(nexts) as next,
                       unnest(order_tss) as order_ts, unnest(add_consumed) as consumed,
                       unnest(add_gaps) as gaps, unnest(add_skipped) as skipped) m
         where c.cursor_id = m.id and c.fence = m.fence and c.token = m.token
           and c.next_offset = m.expected
        returning m.expected, m.next, c.redo_to)
    select count(*), bool_or(one.next >> 16 <> one.expected >> 16), bool_or(one.expected < one.redo_to)
      into moved, point_passed, reading_again from one;
    if moved = cardinality(ids) then
        -- A point every 65,536 offsets: from there a replay knows the order_ts of what it reads.
        if point_passed then
            insert into pactolus.order_points (log_id, "offset", order_ts)
            select c.log_id, c.next_offset, c.order_ts
              from (select unnest(ids) as id, unnest(nexts) as n, unnest(expected) as e) m
              join pactolus.cursors c on c.cursor_id = m.id
             where m.n >> 16 <> m.e >> 16
            on conflict do nothing;
        end if;
        if reading_again then
            update pactolus.dead_letters d set state = 'redriven'
              from (select unnest(ids) as id, unnest(nexts) as n, unnest(expected) as e) m
              join pactolus.cursors c on c.cursor_id = m.id
             where d.stream_id = c.stream_id and d.log_id = c.log_id and d."offset" >= m.e
               and d."offset" < m.n and d.state = 'open';
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

create or replace view pactolus.freshness as
select s.consumer_group, s.name as stream, s.state, s.reason,
       max(case when c.order_ts >= 0 then to_timestamp(c.order_ts / 1000.0) end) as newest_record,
       max(c.updated_at) as last_commit,
       (select count(*) from pactolus.dead_letters d
         where d.stream_id = s.stream_id and d.state = 'open') as open_dead_letters,
       s.kind, s.changed_at as since, s.changed_by
  from pactolus.streams s
  left join pactolus.cursors c on c.stream_id = s.stream_id and c.rebuild = 0
 group by s.stream_id;
comment on view pactolus.freshness is 'One row per stream: how fresh its table is (idle partitions do not hold it back), and its state, of which kind, since when and by whom';

-- Partitions of running streams that no daemon holds now: the daemon that claimed them has no session
-- any more, or none ever claimed them. What a role may not see of other sessions counts as theirs.
create view pactolus.unattended as
select s.consumer_group, s.name as stream, l.topic, l.partition, c.owner, c.updated_at
  from pactolus.streams s
  left join pactolus.cursors c on c.stream_id = s.stream_id and c.rebuild = 0
  left join pactolus.logs l using (log_id)
 where s.state = 'running' and (c.log_id is null or pactolus.is_current(c.log_id))
   and not exists (select 1 from pactolus.backends b join pg_stat_activity a
                      on a.pid = b.pid and (a.backend_start = b.backend_start or a.backend_start is null)
                    where b.owner = c.owner);
comment on view pactolus.unattended is 'Partitions of running streams that no live daemon holds; a stream that was never claimed has one row without a topic';
