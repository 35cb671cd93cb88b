-- How far each view has taken the log in.
CREATE TABLE view_checkpoints (
    view text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL
) WITH (fillfactor = 50);

GRANT SELECT, INSERT, UPDATE, DELETE ON view_checkpoints TO posthaste_server;

-- Views are disposable: the server writes and empties their tables, which come with later migrations. A table that only grows must
-- take this back.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO posthaste_server;
