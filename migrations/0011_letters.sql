-- SPDX-License-Identifier: Apache-2.0
-- What people do with dead letters, and who did it. The account is no part of it: a letter that is
-- redriven or discarded was consumed once, and stays booked as dead-lettered.

create table pactolus.letter_actions (
    action_id      bigint generated always as identity primary key,
    consumer_group text not null,
    action         text not null check (action in ('redrive', 'discard', 'reopen', 'erase')),
    why            text not null,
    by             text not null,
    at             timestamptz not null default now()
);
comment on table pactolus.letter_actions is 'What people did with dead letters: one row for each command, by which role and operating system user, and why. What the command selected by is not kept: it may be a person''s key';

alter table pactolus.dead_letters
    add column actions   bigint[] not null default '{}',
    add column acted_at  timestamptz,
    add column outcome   text not null default '',
    add column erased_at timestamptz;
comment on column pactolus.dead_letters.actions is 'The pactolus.letter_actions that touched the letter, in their order';
comment on column pactolus.dead_letters.acted_at is 'When the last of them did';
comment on column pactolus.dead_letters.outcome is
    'Redriven by a person: applied, stale (it lost by its place) or other_type (the stream skips such records now)';
comment on column pactolus.dead_letters.erased_at is
    'Since when key, value, headers and detail are blank: nothing is left to apply';

-- One row for each letter and action.
create view pactolus.letter_history as
select a.consumer_group, s.name as stream, d.dead_letter_id, d.topic, d.partition, d."offset",
       a.action, a.at, a.by, a.why, d.state, d.outcome
  from pactolus.dead_letters d
 cross join lateral unnest(d.actions) as done(action_id)
  join pactolus.letter_actions a using (action_id)
  join pactolus.streams s using (stream_id);
comment on view pactolus.letter_history is 'What was done with each dead letter, by whom, when and why; without what the letter holds';
