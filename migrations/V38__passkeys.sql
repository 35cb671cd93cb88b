-- Passkeys: what somebody logs in with instead of a password. Never in the log, never in a view.
-- Takes the programs before it.
CREATE TABLE passkeys (
    passkey_id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    -- What its authenticator calls it.
    credential bytea NOT NULL UNIQUE,
    -- The public key and what else is kept of it, as JSON.
    key text NOT NULL,
    name text,
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    -- When the last ceremony began in which it was used: neither that one nor any before it is good again.
    used_ceremony timestamptz,
    -- Counts its changes: each is made to the revision before it.
    revision bigint NOT NULL
);
CREATE INDEX passkeys_user ON passkeys (user_id, created_at, passkey_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON passkeys TO posthaste_server;
