-- SPDX-License-Identifier: Apache-2.0
-- What people ask: what does a column mean, and is its table as fresh as its owner promises?

create table pactolus.stream_columns (
    stream_id      integer not null references pactolus.streams,
    position       integer not null,
    column_name    text not null,
    contract       text not null,
    field          text not null,
    type           text not null,
    comment        text not null,
    unit           text not null,
    classification text not null,
    null_means     text not null,
    owner          text not null,
    primary key (stream_id, position)
);
comment on table pactolus.stream_columns is 'What the contracts say about the columns of each stream; migrate writes it';

alter table pactolus.streams
    add column freshness interval,
    add column columns_digest text not null default '';
comment on column pactolus.streams.freshness is 'How old the newest of what has arrived may be: the shortest that a contract of the stream says; null = nobody says';
comment on column pactolus.streams.columns_digest is 'Of what stream_columns and freshness were made from, so that migrate sees a change';

create function pactolus.describe(
    for_group text, for_stream text, target text, digest text, names text[], contracts text[],
    fields text[], types text[], comments text[], units text[], classifications text[],
    null_meanings text[], owners text[])
returns void language plpgsql as $$
declare
    id integer;
begin
    update pactolus.streams s set freshness = nullif(target, '')::interval, columns_digest = digest
     where s.consumer_group = for_group and s.name = for_stream returning s.stream_id into id;
    delete from pactolus.stream_columns c where c.stream_id = id;
    insert into pactolus.stream_columns (stream_id, position, column_name, contract, field, type, comment,
                                         unit, classification, null_means, owner)
    select id, n.position, n.name, n.contract, n.field, n.type, n.comment, n.unit, n.classification,
           n.null_means, n.owner
      from unnest(names, contracts, fields, types, comments, units, classifications, null_meanings, owners)
           with ordinality as n(name, contract, field, type, comment, unit, classification, null_means,
                                owner, position);
end $$;

create view pactolus.columns as
select s.consumer_group, s.name as stream, s.view_schema as schema, s.view_name as view, c.position,
       c.column_name, c.contract, c.field, c.type, nullif(c.comment, '') as comment,
       nullif(c.unit, '') as unit, nullif(c.classification, '') as classification,
       nullif(c.null_means, '') as null_means, nullif(c.owner, '') as owner
  from pactolus.stream_columns c join pactolus.streams s using (stream_id);
comment on view pactolus.columns is 'What each column of a view means: contract and field that it comes from, comment, unit, classification, what NULL says, and who answers for it';

-- When records last came, and how old they were then: updated_at moves with claims and gaps too.
alter table pactolus.cursors add column consumed_at timestamptz;
comment on column pactolus.cursors.consumed_at is 'When the last batch that brought records of this log committed';

-- As before; besides, it keeps consumed_at.
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
               skipped = c.skipped + m.skipped, updated_at = now(),
               consumed_at = case when m.consumed > 0 then now() else c.consumed_at end
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

-- Late is a stream that lately applied records older than its target, or that nobody has vouched for
-- within it: it stands still, or no live daemon holds a partition. A daemon that holds it and applies
-- nothing has met nothing new: that is not late, and neither is an idle partition.
create or replace view pactolus.freshness as
with held as (
    select c.cursor_id, c.stream_id, c.updated_at,
           exists (select from pactolus.backends b join pg_stat_activity a
                       on a.pid = b.pid and (a.backend_start = b.backend_start or a.backend_start is null)
                    where b.owner = c.owner) as live
      from pactolus.current_cursors c
), stands as (
    select h.stream_id, bool_and(h.live) as live, max(h.updated_at) as vouched
      from held h group by h.stream_id
), recent as (
    select c.stream_id, max(c.consumed_at - to_timestamp(c.order_ts / 1000.0)) as delay
      from pactolus.current_cursors q join pactolus.cursors c using (cursor_id)
      join pactolus.streams s on s.stream_id = c.stream_id
     where c.order_ts between 0 and 253402300799999 and c.consumed_at > now() - coalesce(s.freshness, interval '5 minutes')
     group by c.stream_id
)
select s.consumer_group, s.name as stream, s.state, s.reason,
       max(case when c.order_ts between 0 and 253402300799999 then to_timestamp(c.order_ts / 1000.0) end) as newest_record,
       max(c.updated_at) as last_commit,
       (select count(*) from pactolus.dead_letters d
         where d.stream_id = s.stream_id and d.state = 'open') as open_dead_letters,
       s.kind, s.changed_at as since, s.changed_by,
       s.freshness as target,
       (select r.delay from recent r where r.stream_id = s.stream_id) as delay,
       case when s.freshness is null then null
            when s.state <> 'running' then now() - s.changed_at <= s.freshness
            when not coalesce((select h.live from stands h where h.stream_id = s.stream_id), false)
            then coalesce((select now() - h.vouched <= s.freshness
                             from stands h where h.stream_id = s.stream_id), false)
            else coalesce((select r.delay <= s.freshness from recent r
                            where r.stream_id = s.stream_id), true)
       end as met
  from pactolus.streams s
  left join pactolus.cursors c on c.stream_id = s.stream_id and c.rebuild = 0
 group by s.stream_id;
comment on view pactolus.freshness is 'One row per stream: how fresh its table is (idle partitions do not hold it back), its state, of which kind, since when and by whom; what its contract promises (target), how old records lately were when they were applied (delay), and whether that is within the target (met)';
