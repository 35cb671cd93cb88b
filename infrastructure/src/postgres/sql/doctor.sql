-- How the database is set up, and what this role could do to the log. Nothing but SELECT may be granted on its tables.
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
    clock_timestamp() AS now
