-- Second factors, and when a login has proved itself last. Never in the log, never in a view: that one is on or off is told there.
-- Takes the programs before it.
CREATE TABLE factors (
    user_id uuid PRIMARY KEY,
    factor_id uuid NOT NULL,
    -- The secret that the authenticator has as well, sealed with auth.factor_key.
    sealed bytea NOT NULL,
    -- Null while it is only offered.
    enabled_at timestamptz,
    -- The time step of the last code that was used.
    used_step bigint,
    -- SHA-256 of the recovery codes that were not used, 32 bytes each.
    recovery bytea NOT NULL,
    -- Counts its changes: each is made to the revision before it.
    revision bigint NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON factors TO posthaste_server;

-- Null in a login that a program began which knew of no proofs; the factor is null where there was none to show.
ALTER TABLE sessions ADD COLUMN proved_at timestamptz, ADD COLUMN proved_factor uuid;
