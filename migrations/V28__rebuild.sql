-- A view is rebuilt beside the live one: in tables of the same names, in a schema of their own, by the same statements. What is found to
-- differ is then exchanged, row by row and in one transaction, so that the tables, their plans and their grants stay what they are.

CREATE SCHEMA rebuild;
GRANT USAGE ON SCHEMA rebuild TO posthaste_server;
ALTER DEFAULT PRIVILEGES IN SCHEMA rebuild GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO posthaste_server;

-- Who works on the tables beside a view. Whoever has died is followed when the lease runs out; their epoch keeps them out.
CREATE TABLE rebuild.leases (
    view text COLLATE "C" PRIMARY KEY,
    epoch bigint NOT NULL,
    holder uuid,
    expires_at timestamptz NOT NULL,
    purpose text,
    begun_at timestamptz
) WITH (fillfactor = 50);
INSERT INTO rebuild.leases (view, epoch, expires_at) VALUES ('threads', 0, '-infinity'), ('timeline', 0, '-infinity'), ('people', 0, '-infinity');

-- Nothing below is written ahead to the log: a crash of the server empties all of it together, checkpoints and rows.

-- How far the tables beside each view have taken the log in. No row: nothing was begun.
CREATE UNLOGGED TABLE rebuild.view_checkpoints (
    view text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL,
    -- The version of the program that began: another one may project otherwise.
    program text NOT NULL
) WITH (fillfactor = 50);

-- The tables have the keys and indexes that the statements which write them look for, and none of those that only readers need.

CREATE UNLOGGED TABLE rebuild.view_threads (LIKE public.view_threads INCLUDING DEFAULTS, PRIMARY KEY (thread_id)) WITH (fillfactor = 70);
CREATE UNLOGGED TABLE rebuild.view_members (LIKE public.view_members INCLUDING DEFAULTS, PRIMARY KEY (thread_id, user_id, joined));
CREATE UNLOGGED TABLE rebuild.view_bans (LIKE public.view_bans INCLUDING DEFAULTS, PRIMARY KEY (thread_id, user_id));
CREATE UNLOGGED TABLE rebuild.view_invites (LIKE public.view_invites INCLUDING DEFAULTS, PRIMARY KEY (invite_id));
CREATE INDEX ON rebuild.view_invites (thread_id, user_id);
CREATE UNLOGGED TABLE rebuild.view_subscriptions (LIKE public.view_subscriptions INCLUDING DEFAULTS, PRIMARY KEY (user_id, thread_id))
    WITH (fillfactor = 70);

CREATE UNLOGGED TABLE rebuild.view_timeline (LIKE public.view_timeline INCLUDING DEFAULTS);
CREATE UNIQUE INDEX ON rebuild.view_timeline (message_id) WHERE message_id IS NOT NULL;
CREATE UNLOGGED TABLE rebuild.view_pins (LIKE public.view_pins INCLUDING DEFAULTS, PRIMARY KEY (thread_id, message_id));
CREATE UNLOGGED TABLE rebuild.view_reactions (LIKE public.view_reactions INCLUDING DEFAULTS, PRIMARY KEY (message_id, emoji, user_id));

CREATE UNLOGGED TABLE rebuild.view_profiles (LIKE public.view_profiles INCLUDING DEFAULTS, PRIMARY KEY (user_id));
CREATE UNLOGGED TABLE rebuild.view_friends (LIKE public.view_friends INCLUDING DEFAULTS, PRIMARY KEY (user_id, other_id));

-- Which tables a view is made of. Their keys are those of the live tables.
CREATE TABLE rebuild.view_tables (
    view text COLLATE "C" NOT NULL,
    name text COLLATE "C" PRIMARY KEY,
    -- Columns that say what people wrote, or how they are called: told apart by a digest, and not shown.
    personal text[] NOT NULL
);
INSERT INTO rebuild.view_tables (view, name, personal) VALUES
    ('threads', 'view_threads', '{title,description,title_folded}'),
    ('threads', 'view_members', '{}'),
    ('threads', 'view_bans', '{}'),
    ('threads', 'view_invites', '{}'),
    ('threads', 'view_subscriptions', '{}'),
    ('timeline', 'view_timeline', '{body,attachments,words,notice_title}'),
    ('timeline', 'view_pins', '{}'),
    ('timeline', 'view_reactions', '{}'),
    ('people', 'view_profiles', '{username,display_name,username_folded,display_name_folded}'),
    ('people', 'view_friends', '{}');

-- The columns of a live table's key, with something before each and between them.
CREATE FUNCTION rebuild.key_columns(of_table text, form text, separator text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(format(form, a.attname), separator ORDER BY k.n)
    FROM pg_index i
    CROSS JOIN unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, n)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    WHERE i.indrelid = format('public.%I', of_table)::regclass AND i.indisprimary
$$;

-- Which of 1,024 buckets a row belongs to, by its key.
CREATE FUNCTION rebuild.bucket_of(of_table text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT '(hashtext(' || rebuild.key_columns(of_table, 't.%I::text', ' || '' '' || ') || ') & 1023)'
$$;

-- Empties the tables beside a view ($1) for the holder of its lease, and begins. False: the lease was lost.
CREATE FUNCTION rebuild.begin_view(of_view text, by_holder uuid, in_epoch bigint, by_program text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t record;
BEGIN
    PERFORM FROM rebuild.leases l WHERE l.view = of_view AND l.holder = by_holder AND l.epoch = in_epoch FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    FOR t IN SELECT name FROM rebuild.view_tables v WHERE v.view = of_view ORDER BY name LOOP
        EXECUTE format('TRUNCATE rebuild.%I', t.name);
    END LOOP;
    DELETE FROM rebuild.view_checkpoints c WHERE c.view = of_view;
    IF by_program <> '' THEN
        INSERT INTO rebuild.view_checkpoints (view, position, program) VALUES (of_view, 0, by_program);
    END IF;
    RETURN true;
END
$$;

-- Compares the tables of a view with those beside it, bucket by bucket: how many rows there are, and the sum of their hashes, which does not
-- depend on their order. Gives, for each table, the rows of both, the buckets that differ, and a digest of what is live.
CREATE FUNCTION rebuild.compare_view(of_view text) RETURNS TABLE (name text, live bigint, rebuilt bigint, buckets int[], digest text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t record;
    hashes text := 'SELECT %1$s AS bucket, count(*) AS n, sum(hashtextextended(t::text, 0)) AS h FROM %2$s.%3$I t GROUP BY 1';
BEGIN
    FOR t IN SELECT v.name FROM rebuild.view_tables v WHERE v.view = of_view ORDER BY v.name LOOP
        RETURN QUERY EXECUTE format(
            'SELECT %L::text, coalesce(sum(l.n), 0)::bigint, coalesce(sum(r.n), 0)::bigint,
                coalesce(array_agg(bucket ORDER BY bucket) FILTER (WHERE (l.n, l.h) IS DISTINCT FROM (r.n, r.h)), ''{}''),
                md5(coalesce(string_agg(bucket || '' '' || l.n || '' '' || l.h, '','' ORDER BY bucket) FILTER (WHERE l.n > 0), ''''))
            FROM (%s) l FULL JOIN (%s) r USING (bucket)',
            t.name, format(hashes, rebuild.bucket_of(t.name), 'public', t.name), format(hashes, rebuild.bucket_of(t.name), 'rebuild', t.name)
        );
    END LOOP;
END
$$;

-- What is in one row and not in the other, by column.
CREATE FUNCTION rebuild.shown(of_row jsonb, other jsonb, personal text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN of_row IS NOT NULL THEN coalesce(jsonb_object_agg(
        c.key, CASE WHEN c.key = ANY (personal) AND c.value <> 'null' THEN to_jsonb('md5 ' || left(md5(c.value::text), 12)) ELSE c.value END
    ) FILTER (WHERE c.key IS NOT NULL), '{}') END
    FROM (SELECT d.key, d.value FROM jsonb_each(of_row) d WHERE other IS NULL OR other -> d.key IS DISTINCT FROM d.value) c
$$;

-- The rows of a table that differ in some buckets, by key, and how many there are in all.
CREATE FUNCTION rebuild.differences(of_table text, in_buckets int[], most bigint)
RETURNS TABLE (key jsonb, live jsonb, rebuilt jsonb, total bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rows_of text := 'SELECT %1$s, t AS r, t::text AS said FROM %2$s.%3$I t WHERE %4$s = ANY ($1)';
    columns text := rebuild.key_columns(of_table, 't.%I', ', ');
    bucket text := rebuild.bucket_of(of_table);
    personal text[] := (SELECT v.personal FROM rebuild.view_tables v WHERE v.name = of_table);
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT jsonb_build_object(%1$s), rebuild.shown(to_jsonb(l.r), to_jsonb(r.r), $3), rebuild.shown(to_jsonb(r.r), to_jsonb(l.r), $3),
            count(*) OVER ()
        FROM (%2$s) l FULL JOIN (%3$s) r USING (%4$s)
        WHERE l.said IS DISTINCT FROM r.said
        ORDER BY %4$s LIMIT $2',
        rebuild.key_columns(of_table, '%1$L, %1$I', ', '),
        format(rows_of, columns, 'public', of_table, bucket), format(rows_of, columns, 'rebuild', of_table, bucket),
        rebuild.key_columns(of_table, '%I', ', ')
    ) USING in_buckets, most, personal;
END
$$;

-- Makes the live rows of some buckets of a table what they are beside it.
CREATE FUNCTION rebuild.exchange(of_table text, in_buckets int[]) RETURNS TABLE (removed bigint, added bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    bucket text := rebuild.bucket_of(of_table);
    same_key text := rebuild.key_columns(of_table, 'o.%1$I = t.%1$I', ' AND ');
    -- By name: the two need not have their columns in one order.
    columns text := (
        SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = format('public.%I', of_table)::regclass AND a.attnum > 0 AND NOT a.attisdropped
    );
BEGIN
    EXECUTE format(
        'DELETE FROM public.%1$I t WHERE %2$s = ANY ($1) AND NOT EXISTS (SELECT FROM rebuild.%1$I o WHERE %3$s AND o::text = t::text)',
        of_table, bucket, same_key
    ) USING in_buckets;
    GET DIAGNOSTICS removed = ROW_COUNT;
    EXECUTE format(
        'INSERT INTO public.%1$I (%4$s) SELECT %4$s FROM rebuild.%1$I t
        WHERE %2$s = ANY ($1) AND NOT EXISTS (SELECT FROM public.%1$I o WHERE %3$s)',
        of_table, bucket, same_key, columns
    ) USING in_buckets;
    GET DIAGNOSTICS added = ROW_COUNT;
    RETURN NEXT;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA rebuild FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA rebuild TO posthaste_server;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA rebuild TO posthaste_server;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON rebuild.view_tables FROM posthaste_server;
REVOKE INSERT, DELETE, TRUNCATE ON rebuild.leases FROM posthaste_server;
