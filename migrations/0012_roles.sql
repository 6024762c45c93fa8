-- SPDX-License-Identifier: Apache-2.0
-- Who may do what. Roles belong to a whole cluster, and there may be several databases with Pactolus in
-- one: pactolus.roles has the names that this database uses, and whoever wants others says so there.
-- A role is made here if it is missing and this session may make roles; else somebody who may does it,
-- and the next `migrate` grants to it. Nothing is ever taken away.

create table pactolus.roles (
    kind    text primary key check (kind in ('owner', 'migrator', 'writer', 'operator', 'reader', 'monitor')),
    name    name not null unique,
    purpose text not null
);
comment on table pactolus.roles is 'The roles of this database. All are groups: grant them to those who log in';
insert into pactolus.roles (kind, name, purpose) values
    ('owner', 'pactolus_owner', 'owns schemas, tables and views; nobody logs in as it'),
    ('migrator', 'pactolus_migrator', 'a member of owner: runs migrate, maintain and rebuild'),
    ('writer', 'pactolus_writer', 'the daemon'),
    ('operator', 'pactolus_operator', 'pauses, resumes, replays, redrives and discards'),
    ('reader', 'pactolus_reader', 'reads views, and how fresh and complete they are'),
    ('monitor', 'pactolus_monitor', 'reads positions, accounts and counts, but no record''s content');

-- Make what is missing of them, as far as this session may; the commands for what is left.
create function pactolus.make_roles() returns setof text language plpgsql as $$
declare
    wanted record;
begin
    perform pg_advisory_xact_lock(8097857763303683443);
    for wanted in select r.kind, r.name from pactolus.roles r
                   where not exists (select from pg_roles p where p.rolname = r.name) order by r.kind
    loop
        begin
            execute format('create role %I nologin', wanted.name);
        -- Another database's migrate may have been faster: then there it is.
        exception when duplicate_object or unique_violation then null;
                  when insufficient_privilege then
                      return next format('create role %I nologin;', wanted.name);
        end;
    end loop;
    for wanted in select o.name as owner, m.name as migrator
                    from pactolus.roles o join pactolus.roles m on o.kind = 'owner' and m.kind = 'migrator'
                    join pg_roles po on po.rolname = o.name join pg_roles pm on pm.rolname = m.name
                   where not pg_has_role(m.name, o.name, 'member')
    loop
        begin
            execute format('grant %I to %I', wanted.owner, wanted.migrator);
        exception when unique_violation then null;
                  when insufficient_privilege then
                      return next format('grant %I to %I;', wanted.owner, wanted.migrator);
        end;
    end loop;
end $$;

-- What a kind of role may do with each relation, by what is there now: later migrations and streams
-- are covered when migrate calls grant_roles again. `columns`: on these only; null = on all.
create function pactolus.role_rights()
returns table (kind text, relation regclass, privilege text, columns name[]) language sql stable as $$
    with control as (
        select c.oid::regclass as relation, c.relname, c.relkind
          from pg_class c
         where c.relnamespace = 'pactolus'::regnamespace and c.relkind in ('r', 'p', 'v')
    ), stream_tables as (
        select distinct to_regclass(format('%I.%I', s.schema_name, s.table_name)) as relation
          from pactolus.streams s
    ), stream_views as (
        select distinct to_regclass(format('%I.%I', s.view_schema, v.name)) as relation
          from pactolus.streams s cross join lateral (values (s.view_name), (s.view_name || '_all')) v(name)
    ), told as ( -- for everybody who reads
        select c.relation from control c
         where c.relname in ('progress', 'freshness', 'account', 'columns', 'traffic', 'drift')
    ), migrated as ( -- written by migrate alone
        select unnest(array['migrations', 'roles', 'contracts', 'stream_contracts', 'stream_columns']) as relname
    ), daemons as ( -- written by daemons and by adopt: who owns what, and which database this is
        select unnest(array['identity', 'groups', 'adoptions', 'writers', 'owners', 'backends', 'relays',
                            'topics', 'topic_hours', 'unknowns']) as relname
    )
    select 'writer', c.relation, 'select', null::name[] from control c
    union all
    select 'writer', c.relation, p.privilege, null
      from control c cross join (values ('insert'), ('update'), ('delete')) p(privilege)
     where c.relkind <> 'v' and c.relname not in (select m.relname from migrated m)
    union all
    select k.kind, t.relation, p.privilege, null
      from stream_tables t cross join (values ('writer'), ('operator')) k(kind)
     cross join (values ('select'), ('insert'), ('update')) p(privilege)
    union all
    select 'operator', c.relation, 'select', null from control c
    union all
    select 'operator', c.relation, p.privilege, null
      from control c cross join (values ('insert'), ('update'), ('delete')) p(privilege)
     where c.relkind <> 'v' and c.relname not in (select m.relname from migrated m)
       and c.relname not in (select d.relname from daemons d)
    union all
    select k.kind, t.relation, 'select', null from told t cross join (values ('reader'), ('monitor')) k(kind)
    union all
    select 'reader', v.relation, 'select', null from stream_views v
    union all
    -- Records, and what was said of them, hold what people are called and what they owe.
    select 'monitor', c.relation, 'select',
           (select array_agg(a.attname order by a.attnum) from pg_attribute a
             where a.attrelid = c.relation and a.attnum > 0 and not a.attisdropped
               and a.attname not in ('key', 'value', 'header_names', 'header_values', 'detail'))
      from control c where c.relname = 'dead_letters'
    union all
    select 'monitor', c.relation, 'select', null from control c
     where c.relname not like '%letter%'
$$;

-- Grant what is missing, on what this session owns; how many rights were.
create function pactolus.grant_roles() returns integer language plpgsql as $$
declare
    wanted record;
    granted integer := 0;
begin
    perform pg_advisory_xact_lock(8097857763303683443);
    for wanted in
        select distinct n.oid, n.nspname, r.name as role
          from pactolus.role_rights() g
          join pactolus.roles r using (kind) join pg_roles p on p.rolname = r.name
          join pg_class c on c.oid = g.relation join pg_namespace n on n.oid = c.relnamespace
         where pg_has_role(n.nspowner, 'usage')
           and not has_schema_privilege(r.name::text, n.oid, 'usage')
    loop
        execute format('grant usage on schema %I to %I', wanted.nspname, wanted.role);
        granted := granted + 1;
    end loop;
    for wanted in
        select g.relation, g.privilege, r.name as role,
               (select string_agg(quote_ident(l.name), ', ') from unnest(g.columns) as l(name)) as list
          from pactolus.role_rights() g
          join pactolus.roles r using (kind) join pg_roles p on p.rolname = r.name
          join pg_class c on c.oid = g.relation
         where pg_has_role(c.relowner, 'usage')
           and not has_table_privilege(r.name::text, g.relation, g.privilege)
           and (g.columns is null or exists (
                select from unnest(g.columns) as l(name)
                 where not has_column_privilege(r.name::text, g.relation, l.name::text, g.privilege)))
    loop
        execute format('grant %s%s on %s to %I', wanted.privilege,
                       coalesce(' (' || wanted.list || ')', ''), wanted.relation, wanted.role);
        granted := granted + 1;
    end loop;
    return granted;
end $$;
