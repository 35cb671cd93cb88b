-- How the database is set up. A superuser owns everything.
SELECT
    current_user::text AS role,
    current_setting('fsync') AS fsync,
    current_setting('server_encoding') AS encoding,
    (SELECT coalesce(max(version), 0)::bigint FROM refinery_schema_history) AS schema_version,
    pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = 'events'::regclass), 'USAGE') AS owns_the_log
