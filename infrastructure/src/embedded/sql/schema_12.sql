-- Logins, and the hashes of what renews them. Times are in microseconds since 1970, UTC.
-- Takes the programs before it.
CREATE TABLE sessions (
    session_id BLOB    PRIMARY KEY,
    user_id    BLOB    NOT NULL,
    name       TEXT,
    agent      TEXT,
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revision   INTEGER NOT NULL,
    family     BLOB    NOT NULL UNIQUE,
    used       BLOB,
    -- 32 bytes each, the oldest first.
    offered    BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_run_out ON sessions (expires_at);
