-- Logins, and the hashes of what renews them. Never in the log, never in a view: that one was ended is an event, which is what counts.
-- Takes the programs before it.
CREATE TABLE sessions (
    session_id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    name text,
    agent text,
    created_at timestamptz NOT NULL,
    used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- Counts its changes: each is made to the revision before it.
    revision bigint NOT NULL,
    -- SHA-256 of what all tokens of the login begin with.
    family bytea NOT NULL UNIQUE,
    -- SHA-256 of the token that was used last, and of those given for it, 32 bytes each, the oldest first.
    used bytea,
    offered bytea NOT NULL
);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_run_out ON sessions (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO posthaste_server;
-- A password is changed, and hashed anew at a login when hashes have come to cost more.
GRANT UPDATE (password_hash) ON credentials TO posthaste_server;
