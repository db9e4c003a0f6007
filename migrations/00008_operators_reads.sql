-- What operators read costs the same whether there are a thousand accounts or ten million.

create index accounts_guests_by_id on backend.accounts (account_id) where is_guest;
create index accounts_full_by_id on backend.accounts (account_id) where not is_guest;
create index accounts_full_by_age on backend.accounts (created_at, account_id) where not is_guest;

-- Compares bytes, so that a prefix is a range whatever the database's collation.
create index identities_by_prefix on backend.identities (kind, external_id text_pattern_ops) include (account_id);

-- No statement went by it: the log is pruned from its beginning, in the order of seq.
drop index backend.revocation_events_by_age;

-- A page of accounts, in order: by creation when a time is asked for, by id otherwise. Null conditions are none.
--
-- Identities that match are looked up first, `matches_max` of them at most. When there are no more, they are sorted.
-- When there are more, one account in few matches, and walking the accounts in order finds a page soon. A walk asks for
-- one account's identities at a time (`limit 1`): a join could choose to read all of them. `kind || ''` keeps it from
-- going by kind, whatever the statistics say.
create function backend.search_accounts(
  of_kind text, prefix text, guest boolean, created_before timestamptz, created_after timestamptz,
  after_id uuid, page bigint, matches_max bigint
)
returns setof uuid
language plpgsql stable rows 50
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
declare
  kinds text[] := case when of_kind is null then array['email', 'telegram'] else array[of_kind] end;
  prefix_end text := prefix || chr(1114111); -- the last code point there is
  by_identity boolean := of_kind is not null or prefix is not null;
  by_age boolean := created_before is not null or created_after is not null;
  no_id constant uuid := '00000000-0000-0000-0000-000000000000';
  after_created_at timestamptz := '-infinity';
  matches uuid[];
  is_sorted boolean;
begin
  if by_age and after_id is not null then
    select a.created_at into after_created_at from backend.accounts a where a.account_id = after_id;
    if not found then -- deleted since the page before: the time in its id (RFC 9562) is near enough
      after_created_at := to_timestamp(('x' || translate(left(after_id::text, 13), '-', ''))::bit(48)::bigint / 1000.0);
    end if;
  end if;
  after_id := coalesce(after_id, no_id);
  if after_created_at < created_after then -- one place to start from, which an index can go to
    after_created_at := created_after;
    after_id := no_id;
  end if;

  if by_identity then
    select array_agg(m.account_id) into matches
      from (select k.account_id from backend.identities k
            where k.kind = any (kinds)
              and (prefix is null or (k.external_id ~>=~ prefix and k.external_id ~<~ prefix_end))
            limit matches_max + 1) m;
    is_sorted := coalesce(cardinality(matches), 0) <= matches_max;
  end if;

  if is_sorted and not by_age and guest is null then
    return query
      select distinct m.account_id from unnest(matches) as m(account_id)
      where m.account_id > after_id order by m.account_id limit page;
  elsif is_sorted then
    return query
      select a.account_id
      from (select distinct m.account_id from unnest(matches) as m(account_id)) m
      cross join lateral (select a.* from backend.accounts a where a.account_id = m.account_id limit 1) a
      where (guest is null or a.is_guest = guest)
        and (created_before is null or a.created_at < created_before)
        and case when by_age then (a.created_at, a.account_id) > (after_created_at, after_id)
                 else a.account_id > after_id end
      order by case when by_age then a.created_at end, a.account_id
      limit page;
  elsif by_age then
    return query
      select u.account_id
      from ((select a.account_id, a.created_at from backend.accounts a
             where a.is_guest and (guest is null or guest)
               and (created_before is null or a.created_at < created_before)
                      and (a.created_at, a.account_id) > (after_created_at, after_id)
               and (not by_identity
                    or (select true from backend.identities k
                        where k.account_id = a.account_id and k.kind || '' = any (kinds)
                          and (prefix is null or starts_with(k.external_id, prefix)) limit 1))
             order by a.created_at, a.account_id limit page)
            union all
            (select a.account_id, a.created_at from backend.accounts a
             where not a.is_guest and (guest is null or not guest)
               and (created_before is null or a.created_at < created_before)
                      and (a.created_at, a.account_id) > (after_created_at, after_id)
               and (not by_identity
                    or (select true from backend.identities k
                        where k.account_id = a.account_id and k.kind || '' = any (kinds)
                          and (prefix is null or starts_with(k.external_id, prefix)) limit 1))
             order by a.created_at, a.account_id limit page)) u
      order by u.created_at, u.account_id limit page;
  elsif by_identity then
    return query
      select distinct k.account_id from backend.identities k
      where k.account_id > after_id and k.kind || '' = any (kinds)
        and (prefix is null or starts_with(k.external_id, prefix))
        and (guest is null or (select a.is_guest from backend.accounts a where a.account_id = k.account_id) = guest)
      order by k.account_id limit page;
  else
    return query
      select a.account_id from backend.accounts a
      where a.account_id > after_id and (guest is null or a.is_guest = guest)
      order by a.account_id limit page;
  end if;
end
$$;

-- How many there are. A table of at most `pages_max` pages is counted; of a larger one that many pages are read, spread
-- evenly over it with a random place in each stretch, and the numbers are estimates: rows per page times pages.
create function backend.count_all(
  pages_max bigint,
  out accounts bigint, out guests bigint, out active_sessions bigint, out is_estimated boolean
)
language plpgsql volatile
set jit = off -- compiling takes longer than the reads
as $$
declare
  page_bytes bigint := current_setting('block_size')::bigint;
  account_pages bigint := pg_relation_size('backend.accounts') / page_bytes;
  session_pages bigint := pg_relation_size('backend.sessions') / page_bytes;
  read_pages bigint;
begin
  is_estimated := account_pages > pages_max or session_pages > pages_max;

  read_pages := least(account_pages, pages_max);
  select round(count(*) * account_pages / greatest(read_pages, 1)::numeric),
         round(count(*) filter (where a.is_guest) * account_pages / greatest(read_pages, 1)::numeric)
    into accounts, guests
    from backend.sample_pages(account_pages, read_pages) as p
    cross join lateral (select a.is_guest from backend.accounts a
                        where a.ctid >= p.first_row and a.ctid < p.end_row offset 0) a;

  read_pages := least(session_pages, pages_max);
  select round(count(*) * session_pages / greatest(read_pages, 1)::numeric)
    into active_sessions
    from backend.sample_pages(session_pages, read_pages) as p
    cross join lateral (select s.account_id, s.generation from backend.sessions s
                        where s.ctid >= p.first_row and s.ctid < p.end_row and s.revoked_at is null offset 0) s
    cross join lateral (select a.session_generation from backend.accounts a
                        where a.account_id = s.account_id limit 1) a
    where s.generation = a.session_generation;
end
$$;

-- `wanted` of a table's `pages`, each by the range of its rows' addresses.
create function backend.sample_pages(pages bigint, wanted bigint, out first_row tid, out end_row tid)
returns setof record
language sql volatile rows 128
begin atomic
  select format('(%s,0)', p.page)::tid, format('(%s,0)', p.page + 1)::tid
  from (select floor((n + case when pages > wanted then random() else 0 end) * pages / wanted)::bigint as page
        from generate_series(0, wanted - 1) n) p;
end;
