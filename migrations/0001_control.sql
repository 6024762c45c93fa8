-- SPDX-License-Identifier: Apache-2.0
-- The control schema: who reads what, how far, and what was set aside. PostgreSQL is the truth;
-- Kafka's committed offsets follow and only inform lag tools.
--
-- Own SQLSTATEs (class PA):
--   PA001 wrong fence            another owner has claimed the cursor
--   PA002 wrong offset           the cursor is not where the batch begins
--   PA003 wrong isolation level  the fence needs READ COMMITTED
--   PA004 unequal lengths        our own bug
--   PA005 limit passed           generations, ordinals or partitions that the log id cannot hold

create schema if not exists pactolus;
comment on schema pactolus is 'Pactolus control schema: cursors, accounts, dead letters';

create table pactolus.identity (
    only_row    boolean primary key default true check (only_row),
    database_id uuid not null default gen_random_uuid(),
    created_at  timestamptz not null default now()
);
comment on table pactolus.identity is 'Which database this is; a clone carries the same row and is told apart when it is adopted';
insert into pactolus.identity default values;

create table pactolus.migrations (
    version    integer primary key,
    name       text not null,
    checksum   text not null,
    applied_at timestamptz not null default now(),
    applied_by text not null default current_user
);
comment on table pactolus.migrations is 'The numbered files of migrations/ that this database has seen';

create table pactolus.streams (
    stream_id   integer generated always as identity primary key,
    consumer_group text not null,
    name        text not null,
    schema_name text not null,
    table_name  text not null,
    view_schema text not null,
    view_name   text not null,
    contracts   text[] not null default '{}',
    fingerprint text not null,
    state       text not null default 'running' check (state in ('running', 'paused', 'halted')),
    reason      text not null default '',
    hint        text not null default '',
    changed_at  timestamptz not null default now(),
    changed_by  text not null default current_user,
    unique (consumer_group, name)
);
comment on table pactolus.streams is 'One row per stream of a consumer group: its table and its wished state, which binds every daemon';

create table pactolus.contracts (
    fingerprint text primary key,
    name        text not null,
    descriptors bytea not null,
    added_at    timestamptz not null default now()
);
comment on table pactolus.contracts is 'Every contract version that ever ran here, with the descriptor set it was read from';

create table pactolus.logs (
    log_id      bigint primary key,
    cluster_id  text not null,
    topic       text not null,
    incarnation integer not null,
    topic_id    text not null default '',
    generation  integer not null,
    ordinal     integer not null,
    partition   integer not null,
    added_at    timestamptz not null default now(),
    unique (cluster_id, topic, incarnation, partition)
);
comment on table pactolus.logs is 'Where records live: log_id packs generation, topic ordinal and partition and is never reassigned; a row''s _log names it';

create table pactolus.order_points (
    log_id     bigint not null references pactolus.logs,
    "offset"   bigint not null,
    order_ts   bigint not null,
    primary key (log_id, "offset")
);
comment on table pactolus.order_points is 'Sparse points (offset, greatest timestamp up to it) from which a replay starts reading';

create table pactolus.owners (
    owner       uuid primary key,
    consumer_group text not null,
    host        text not null,
    process     integer not null,
    version     text not null,
    started_at  timestamptz not null default now()
);
comment on table pactolus.owners is 'Daemons that have claimed cursors';

create table pactolus.backends (
    owner         uuid not null references pactolus.owners on delete cascade,
    pid           integer not null,
    backend_start timestamptz not null,
    primary key (owner, pid, backend_start)
);
comment on table pactolus.backends is 'The database sessions of each owner, so that a new owner can end those that hold its cursors';

create table pactolus.cursors (
    cursor_id   bigint generated always as identity primary key,
    stream_id   integer not null references pactolus.streams,
    rebuild     integer not null default 0,
    log_id      bigint not null references pactolus.logs,
    next_offset bigint not null,
    fence       bigint not null default 0,
    token       bigint not null default 0,
    owner       uuid,
    order_ts    bigint not null default -1,
    pass        integer not null default 1,
    pass_start  bigint not null,
    consumed    bigint not null default 0,
    gaps        bigint not null default 0,
    skipped     bigint not null default 0,
    lost        bigint not null default 0,
    updated_at  timestamptz not null default now(),
    unique (stream_id, rebuild, log_id)
) with (fillfactor = 50, autovacuum_vacuum_threshold = 50, autovacuum_vacuum_scale_factor = 0.0,
        autovacuum_analyze_threshold = 1000);
comment on table pactolus.cursors is 'Who reads a log and how far: next offset, fence, and the account of the current pass (next_offset - pass_start = consumed + gaps + skipped + lost)';

create table pactolus.passes (
    cursor_id   bigint not null references pactolus.cursors,
    pass        integer not null,
    from_offset bigint not null,
    to_offset   bigint not null,
    consumed    bigint not null,
    gaps        bigint not null,
    skipped     bigint not null,
    lost        bigint not null,
    ended_at    timestamptz not null default now(),
    primary key (cursor_id, pass)
);
comment on table pactolus.passes is 'Ended passes; a replay ends one and begins the next';

create table pactolus.accounts (
    account_id    bigint generated always as identity primary key,
    stream_id     integer not null references pactolus.streams,
    owner         uuid not null,
    lane          integer not null,
    consumed      bigint not null default 0,
    applied       bigint not null default 0,
    stale         bigint not null default 0,
    deduplicated  bigint not null default 0,
    dead_lettered bigint not null default 0,
    other_types   bigint not null default 0,
    updated_at    timestamptz not null default now(),
    unique (stream_id, owner, lane)
) with (fillfactor = 50, autovacuum_vacuum_threshold = 50, autovacuum_vacuum_scale_factor = 0.0);
comment on table pactolus.accounts is 'What became of the consumed records, one row per owner, stream and lane so that lanes never wait for each other';

create table pactolus.dead_letters (
    dead_letter_id  bigint generated always as identity primary key,
    stream_id       integer not null references pactolus.streams,
    log_id          bigint not null references pactolus.logs,
    topic           text not null,
    partition       integer not null,
    "offset"        bigint not null,
    record_ts       bigint not null,
    order_ts        bigint not null,
    reason          text not null,
    detail          text not null default '',
    sqlstate        text not null default '',
    contract        text not null default '',
    key             bytea,
    value           bytea,
    header_names    text[] not null default '{}',
    header_values   bytea[] not null default '{}',
    attempts        integer not null default 1,
    state           text not null default 'open' check (state in ('open', 'redriven', 'discarded')),
    first_failed_at timestamptz not null default now(),
    last_failed_at  timestamptz not null default now(),
    relayed_at      timestamptz,
    dlq_topic       text not null default '',
    unique (stream_id, log_id, "offset")
);
comment on table pactolus.dead_letters is 'Records that can never be applied as they are, with reason and full context; the DLQ topic is fed from here';
create index dead_letters_unrelayed on pactolus.dead_letters (dead_letter_id)
    where relayed_at is null and dlq_topic <> '';
create index dead_letters_open on pactolus.dead_letters (stream_id, reason) where state = 'open';

create table pactolus.relays (
    consumer_group text primary key,
    owner       uuid,
    fence       bigint not null default 0,
    heartbeat   timestamptz not null default now()
);
comment on table pactolus.relays is 'Which daemon of a group relays dead letters; a fenced row with a heartbeat';
