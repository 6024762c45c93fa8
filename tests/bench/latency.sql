-- SPDX-License-Identifier: Apache-2.0
-- Produced → visible, measured by another session of the database. psql variables: stream, table,
-- seconds. Prints one line: p50, p99 and maximum in ms, and the number of records.
--
-- A row commits together with its cursor's move, so the moment at which this session first sees a
-- cursor beyond a record's offset is the moment at which it sees the record's row. The cursors are
-- looked at about every millisecond; the produced time is the record's own timestamp, which cuts to
-- milliseconds. Both errors make the latency look longer, never shorter.
\set QUIET on
set client_min_messages = warning;
create temporary table seen (log_id bigint, next_offset bigint, at timestamptz,
                             primary key (log_id, next_offset));
create temporary table setting as select :'stream'::text as stream, :'seconds'::float8 as seconds;
do $$
declare
    -- Through variables: a query inside must be planned once, and be cheap.
    until timestamptz := clock_timestamp() + make_interval(secs => (select seconds from setting));
    which integer := (select s.stream_id from pactolus.streams s join setting t on t.stream = s.name
                      order by s.stream_id desc limit 1);
begin
    while clock_timestamp() < until loop
        insert into seen
        select c.log_id, c.next_offset, clock_timestamp() from pactolus.cursors c
         where c.stream_id = which
        on conflict do nothing;
        commit; -- so that this session never holds back vacuum
        perform pg_sleep(0.0005);
    end loop;
end $$;
analyze seen;
-- The first look says where each cursor stood; rows behind it were not watched.
with watched as (
    select s.log_id, s.next_offset, s.at,
           lag(s.next_offset) over (partition by s.log_id order by s.next_offset) as before
      from seen s
), latency as (
    select extract(epoch from w.at - to_timestamp(t._order_ts / 1000.0))::float8 * 1000 as ms
      from :table t
      join watched w on w.log_id = t._log and t._offset >= w.before and t._offset < w.next_offset
     where w.before is not null
)
select round(percentile_cont(0.5) within group (order by ms)::numeric, 1),
       round(percentile_cont(0.99) within group (order by ms)::numeric, 1),
       round(max(ms)::numeric, 1), count(*)
  from latency;
