-- SPDX-License-Identifier: Apache-2.0
-- What people ask the database itself.

create view pactolus.progress as
select s.consumer_group, s.name as stream, l.topic, l.partition,
       c.next_offset - 1 as complete_through_offset,
       case when c.order_ts >= 0 then to_timestamp(c.order_ts / 1000.0) end as complete_through_time,
       (select count(*) from pactolus.dead_letters d
         where d.stream_id = s.stream_id and d.log_id = c.log_id and d.state = 'open') as open_dead_letters,
       c.updated_at, c.fence, c.owner
  from pactolus.cursors c
  join pactolus.streams s using (stream_id)
  join pactolus.logs l using (log_id)
 where c.rebuild = 0;
comment on view pactolus.progress is 'Per stream and partition: complete through which offset and time, and how many dead letters are open';

create view pactolus.freshness as
select s.consumer_group, s.name as stream, s.state, s.reason,
       max(case when c.order_ts >= 0 then to_timestamp(c.order_ts / 1000.0) end) as newest_record,
       max(c.updated_at) as last_commit,
       (select count(*) from pactolus.dead_letters d
         where d.stream_id = s.stream_id and d.state = 'open') as open_dead_letters
  from pactolus.streams s
  left join pactolus.cursors c on c.stream_id = s.stream_id and c.rebuild = 0
 group by s.stream_id;
comment on view pactolus.freshness is 'One row per stream: how fresh its table is; idle partitions do not hold it back';

-- The account closes when both columns named *_open are 0.
create view pactolus.account as
with passes as (
    select c.stream_id, c.cursor_id, c.next_offset - c.pass_start as advanced,
           c.consumed, c.gaps, c.skipped, c.lost
      from pactolus.cursors c where c.rebuild = 0
    union all
    select c.stream_id, c.cursor_id, p.to_offset - p.from_offset, p.consumed, p.gaps, p.skipped, p.lost
      from pactolus.passes p join pactolus.cursors c using (cursor_id) where c.rebuild = 0
), moved as (
    select stream_id, sum(advanced) as advanced, sum(consumed) as consumed, sum(gaps) as gaps,
           sum(skipped) as skipped, sum(lost) as lost
      from passes group by stream_id
), done as (
    select stream_id, sum(consumed) as consumed, sum(applied) as applied, sum(stale) as stale,
           sum(deduplicated) as deduplicated, sum(dead_lettered) as dead_lettered,
           sum(other_types) as other_types
      from pactolus.accounts group by stream_id
)
select s.consumer_group, s.name as stream,
       coalesce(m.advanced, 0)::bigint as advanced, coalesce(m.consumed, 0)::bigint as consumed,
       coalesce(m.gaps, 0)::bigint as gaps, coalesce(m.skipped, 0)::bigint as skipped,
       coalesce(m.lost, 0)::bigint as lost,
       coalesce(d.applied, 0)::bigint as applied, coalesce(d.stale, 0)::bigint as stale,
       coalesce(d.deduplicated, 0)::bigint as deduplicated,
       coalesce(d.dead_lettered, 0)::bigint as dead_lettered,
       coalesce(d.other_types, 0)::bigint as other_types,
       (coalesce(m.advanced, 0) - coalesce(m.consumed + m.gaps + m.skipped + m.lost, 0))::bigint as cursors_open,
       (coalesce(m.consumed, 0) - coalesce(d.applied + d.stale + d.deduplicated + d.dead_lettered
                                           + d.other_types, 0))::bigint as records_open
  from pactolus.streams s
  left join moved m using (stream_id)
  left join done d using (stream_id);
comment on view pactolus.account is 'What became of every record: advanced = consumed + gaps + skipped + lost, consumed = applied + stale + deduplicated + dead_lettered + other_types';
