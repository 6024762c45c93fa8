-- SPDX-License-Identifier: Apache-2.0
-- What a group's members must know before they read: where a log ends that was cut short.

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

-- Move a cursor that stands outside [low, high] to `target`, under its fence, and book why. Forward: what
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
           set next_offset = target, lost = c.lost + gone, skipped = c.skipped + passed_over, updated_at = now()
         where c.cursor_id = for_cursor;
        return;
    end if;
    insert into pactolus.passes (cursor_id, pass, from_offset, to_offset, consumed, gaps, skipped, lost)
    values (for_cursor, old.pass, old.pass_start, old.next_offset, old.consumed, old.gaps, old.skipped, old.lost);
    delete from pactolus.order_points o where o.log_id = old.log_id and o."offset" > target;
    update pactolus.cursors c
       set next_offset = target, pass = c.pass + 1, pass_start = target,
           consumed = 0, gaps = 0, skipped = 0, lost = 0, updated_at = now(),
           order_ts = case when from_start
                           then coalesce((select o.order_ts from pactolus.order_points o
                                           where o.log_id = old.log_id order by o."offset" desc limit 1), -1)
                           else c.order_ts end
     where c.cursor_id = for_cursor;
end $$;
