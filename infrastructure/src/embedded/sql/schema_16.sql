-- Passkeys. Times are in microseconds since 1970, UTC.
-- Takes the programs before it.
CREATE TABLE passkeys (
    passkey_id    BLOB    PRIMARY KEY,
    user_id       BLOB    NOT NULL,
    -- What its authenticator calls it.
    credential    BLOB    NOT NULL,
    -- The public key and what else is kept of it, as JSON.
    key           TEXT    NOT NULL,
    name          TEXT,
    created_at    INTEGER NOT NULL,
    used_at       INTEGER,
    -- When the last ceremony began in which it was used.
    used_ceremony INTEGER,
    revision      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX passkeys_by_credential ON passkeys (credential);
CREATE INDEX passkeys_by_user ON passkeys (user_id, created_at, passkey_id);
