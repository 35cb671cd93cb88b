-- Second factors, and when a login has proved itself last. Times are in microseconds since 1970, UTC.
-- Takes the programs before it.
CREATE TABLE factors (
    user_id    BLOB    PRIMARY KEY,
    factor_id  BLOB    NOT NULL,
    -- The secret that the authenticator has as well, sealed with factor.key.
    sealed     BLOB    NOT NULL,
    -- Null while it is only offered.
    enabled_at INTEGER,
    -- The time step of the last code that was used.
    used_step  INTEGER,
    -- SHA-256 of the recovery codes that were not used, 32 bytes each.
    recovery   BLOB    NOT NULL,
    revision   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Null in a login that a program began which knew of no proofs; the factor is null where there was none to show.
ALTER TABLE sessions ADD COLUMN proved_at INTEGER;
ALTER TABLE sessions ADD COLUMN proved_factor BLOB;
