-- How the database is set up, what this role could do to the log, and what it would have to do and cannot. Nothing but SELECT may be
-- granted on the tables of the log.
SELECT
    current_user::text AS role,
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
    current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS full_page_writes,
    current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('server_encoding') AS encoding,
    (SELECT coalesce(max(version), 0)::bigint FROM refinery_schema_history) AS schema_version,
    pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = 'events'::regclass), 'USAGE') AS owns_the_log,
    ARRAY(
        SELECT privilege || ' on ' || name
        FROM unnest(ARRAY['events', 'event_users', 'log_head']) AS name,
            unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) AS privilege
        WHERE CASE
            WHEN privilege IN ('INSERT', 'UPDATE') THEN has_any_column_privilege(name, privilege)
            ELSE has_table_privilege(name, privilege)
        END
        ORDER BY 1
    ) AS rights,
    ARRAY(
        SELECT name
        FROM unnest(ARRAY['events', 'event_users', 'log_head']) AS name
        WHERE NOT EXISTS (
            SELECT FROM pg_trigger
            WHERE tgrelid = name::regclass AND tgenabled = 'A' AND tgfoid = 'refuse_change'::regproc
        )
        ORDER BY 1
    ) AS unguarded,
    ARRAY(
        WITH ours AS (
            SELECT c.oid, c.relname::text AS name, c.relkind, n.nspname AS schema
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname IN ('public', 'rebuild') AND c.relkind IN ('r', 'v')
                AND c.relowner = (SELECT relowner FROM pg_class WHERE oid = 'events'::regclass)
        ), needed AS (
            SELECT oid, 'SELECT' AS privilege FROM ours
            UNION ALL
            SELECT oid, privilege FROM ours, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE']) AS privilege
            WHERE relkind = 'r' AND name <> 'view_tables' AND name ~ '^(view_|webhook_|dead_letters$)'
            UNION ALL
            SELECT oid, 'TRUNCATE' FROM ours WHERE schema = 'rebuild' AND relkind = 'r' AND name NOT IN ('view_tables', 'leases')
            UNION ALL
            SELECT ours.oid, single.privilege
            FROM ours JOIN (VALUES
                ('cursors', 'INSERT'), ('cursors', 'UPDATE'), ('cursor_moves', 'INSERT'), ('cursor_sends', 'INSERT'),
                ('relay_lease', 'UPDATE'), ('relay_confirmations', 'INSERT'), ('leases', 'UPDATE'),
                ('credentials', 'INSERT'), ('passcodes', 'INSERT'), ('passcode_attempts', 'INSERT'), ('passcode_attempts', 'DELETE')
            ) AS single (name, privilege) USING (name)
        )
        SELECT privilege || ' on ' || oid::regclass::text FROM needed WHERE NOT has_table_privilege(oid, privilege)
        UNION ALL
        SELECT 'EXECUTE on ' || p.oid::regproc::text
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE (n.nspname = 'rebuild' OR n.nspname = 'public' AND p.proname IN ('append_events', 'reset_view', 'view_entry'))
            AND NOT has_function_privilege(p.oid, 'EXECUTE')
        ORDER BY 1
    ) AS missing,
    pg_database_size(current_database()) AS bytes,
    clock_timestamp() AS now
