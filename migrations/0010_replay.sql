-- SPDX-License-Identifier: Apache-2.0
-- Reading again. Cursors of a running group are moved through their fence, by a plan that is checked
-- where it is carried out; daemons are told; and all of it is on record.
--
-- Own SQLSTATEs, beside those of 0001, 0004 and 0006:
--   PA008 stale plan   a cursor was moved, made or left behind since the plan was made; plan again

create table pactolus.replays (
    replay_id      bigint generated always as identity primary key,
    consumer_group text not null,
    replay_key     text,
    scenario       text not null,
    reason         text not null,
    asked_at       timestamptz not null default now(),
    asked_by       text not null,
    unique (consumer_group, replay_key)
);
comment on table pactolus.replays is 'Who had which group read again, when and why';
comment on column pactolus.replays.replay_key is 'run --replay-id: the same one again does nothing';

create table pactolus.replay_cursors (
    replay_id bigint not null references pactolus.replays,
    cursor_id bigint not null references pactolus.cursors,
    pass      integer not null,
    before    bigint not null,
    asked     bigint not null,
    begins    bigint not null,
    primary key (replay_id, cursor_id)
);
comment on table pactolus.replay_cursors is 'The cursors that a replay moved: the pass that it began, the next offset before, the offset that was asked for, and the one at which reading began';

alter table pactolus.losses drop constraint losses_why_check;
alter table pactolus.losses add constraint losses_why_check check (why in ('retention', 'truncation', 'replay'));
comment on table pactolus.losses is 'Cursors that were moved past records, or back because Kafka lacks their next offset: from where to where, how many offsets were lost, and how many that are there were passed over because the stream says "latest" or a replay said so';

-- Where a cursor begins so as to read `asked` again, and its order_ts there. order_ts belongs to the
-- record, so reading begins where it is known: at the nearest point or dead letter at or below, or where
-- this log was read first. Retention may have passed that; then at `earliest`, with what is known
-- from below it.
create function pactolus.replay_point(for_cursor bigint, asked bigint, earliest bigint,
                                      out begins bigint, out order_ts bigint)
language sql stable as $$
    with c as (
        select c.cursor_id, c.stream_id, c.log_id,
               least(c.pass_start, (select min(p.from_offset) from pactolus.passes p
                                     where p.cursor_id = c.cursor_id)) as first
          from pactolus.cursors c where c.cursor_id = for_cursor
    ), known as (
        (select o."offset", o.order_ts from pactolus.order_points o join c using (log_id)
          where o."offset" <= asked order by o."offset" desc limit 1)
        union all
        (select d."offset", d.order_ts
           from pactolus.dead_letters d join c on d.stream_id = c.stream_id and d.log_id = c.log_id
          where d."offset" <= asked order by d."offset" desc limit 1)
        union all
        select c.first, -1 from c where c.first <= asked
    ), nearest as (
        select k."offset", k.order_ts from known k order by k."offset" desc, k.order_ts desc limit 1
    )
    select coalesce(greatest(n."offset", least(earliest, asked)), asked), coalesce(n.order_ts, -1)
      from (select) always left join nearest n on true
$$;

-- Move one locked cursor. Back: the pass ends, another begins, and open dead letters that it passes count
-- as redriven. Forward: what lies below `earliest` is lost, the rest passed over.
create function pactolus.replay_move(for_replay bigint, old pactolus.cursors, asked bigint, earliest bigint,
                                     who text)
returns void language plpgsql as $$
declare
    point record;
begin
    if asked < old.next_offset then
        select * into point from pactolus.replay_point(old.cursor_id, asked, earliest);
        insert into pactolus.passes (cursor_id, pass, from_offset, to_offset, consumed, gaps, skipped, lost)
        values (old.cursor_id, old.pass, old.pass_start, old.next_offset, old.consumed, old.gaps,
                old.skipped, old.lost);
        update pactolus.cursors c
           set next_offset = point.begins, pass_start = point.begins, order_ts = point.order_ts,
               redo_to = greatest(c.redo_to, c.next_offset), fence = c.fence + 1, pass = c.pass + 1,
               consumed = 0, gaps = 0, skipped = 0, lost = 0, updated_at = now()
         where c.cursor_id = old.cursor_id;
    else
        update pactolus.cursors c
           set next_offset = asked, fence = c.fence + 1, updated_at = now(),
               lost = c.lost + greatest(least(earliest, asked) - old.next_offset, 0),
               skipped = c.skipped + asked - greatest(least(earliest, asked), old.next_offset)
         where c.cursor_id = old.cursor_id;
        insert into pactolus.losses (cursor_id, pass, why, from_offset, to_offset, lost, skipped, by)
        values (old.cursor_id, old.pass, 'replay', old.next_offset, asked,
                greatest(least(earliest, asked) - old.next_offset, 0),
                asked - greatest(least(earliest, asked), old.next_offset), who);
    end if;
    insert into pactolus.replay_cursors (replay_id, cursor_id, pass, before, asked, begins)
    select for_replay, c.cursor_id, c.pass, old.next_offset, replay_move.asked, c.next_offset
      from pactolus.cursors c where c.cursor_id = old.cursor_id;
end $$;

-- Carry a plan out: entry i moves the cursor of streams[i] in logs[i] to asked[i], if it is still in
-- pass passes[i]; pass 0: there is no cursor yet, and it begins there. NULL, and nothing is done, when the
-- group has had a replay of this key. The new fences make daemons claim again.
create function pactolus.replay(
    for_group text, with_key text, by_scenario text, why text, who text,
    streams integer[], logs bigint[], passes integer[], asked bigint[], earliest bigint[])
returns bigint language plpgsql as $$
declare
    id bigint;
    stale record;
    step record;
begin
    if cardinality(streams) <> any (array[cardinality(logs), cardinality(passes), cardinality(asked),
                                          cardinality(earliest)]) then
        raise exception using errcode = 'PA004', message = 'replay: arrays of unequal lengths';
    end if;
    insert into pactolus.replays (consumer_group, replay_key, scenario, reason, asked_by)
    values (for_group, with_key, by_scenario, why, who)
        on conflict (consumer_group, replay_key) do nothing
    returning replay_id into id;
    if id is null then
        return null;
    end if;
    -- One that a daemon's batch holds: that batch ends first.
    perform 1 from pactolus.cursors c
       join unnest(streams, logs) as w(stream, log) on c.stream_id = w.stream and c.log_id = w.log
      where c.rebuild = 0 order by c.cursor_id for no key update of c;
    select l.topic, l.partition into stale
      from unnest(streams, logs, passes) as w(stream, log, pass)
      join pactolus.logs l on l.log_id = w.log
      left join pactolus.cursors c on c.stream_id = w.stream and c.log_id = w.log and c.rebuild = 0
     where coalesce(c.pass, 0) <> w.pass or not pactolus.is_current(w.log)
     order by 1, 2 limit 1;
    if found then
        raise exception using errcode = 'PA008',
            message = format('%s[%s] was moved since this was planned', stale.topic, stale.partition);
    end if;
    insert into pactolus.cursors (stream_id, log_id, next_offset, pass_start)
    select w.stream, w.log, w.asked, w.asked
      from unnest(streams, logs, passes, asked) as w(stream, log, pass, asked)
     where w.pass = 0 order by w.stream, w.log;
    for step in
        select c as moved, w.asked, w.earliest
          from unnest(streams, logs, passes, asked, earliest) as w(stream, log, pass, asked, earliest)
          join pactolus.cursors c on c.stream_id = w.stream and c.log_id = w.log and c.rebuild = 0
         where w.pass > 0 and w.asked <> c.next_offset
         order by c.cursor_id
    loop
        perform pactolus.replay_move(id, step.moved, step.asked, step.earliest, who);
    end loop;
    perform pg_notify('pactolus', for_group);
    return id;
end $$;

create view pactolus.replay_progress as
select r.replay_id, r.consumer_group, s.name as stream, l.topic, l.partition, r.scenario, r.reason,
       r.asked_at, r.asked_by, m.asked, m.begins, m.before, c.next_offset,
       case when c.pass > m.pass then 'superseded'
            when c.next_offset >= m.before then 'done'
            when s.state <> 'running' then s.state
            else 'running' end as state
  from pactolus.replays r
  join pactolus.replay_cursors m using (replay_id)
  join pactolus.cursors c using (cursor_id)
  join pactolus.streams s using (stream_id)
  join pactolus.logs l using (log_id);
comment on view pactolus.replay_progress is 'How far each replay is: it is done where next_offset has come back to before; superseded where another one has moved the cursor since; paused or halted where its stream is';

-- Daemons listen: what they are told they look at in PostgreSQL at once, and every other second anyhow.
create function pactolus.tell_daemons() returns trigger language plpgsql as $$
begin
    perform pg_notify('pactolus', new.consumer_group);
    return null;
end $$;
create trigger tell_daemons after update of state, fingerprint on pactolus.streams
    for each row when (old.state <> new.state or old.fingerprint <> new.fingerprint)
    execute function pactolus.tell_daemons();
