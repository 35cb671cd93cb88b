-- One migration at a time, until the connection is closed. The number is the first eight bytes of the name of this project.
SELECT pg_advisory_lock(x'706f737468617374'::bigint)
