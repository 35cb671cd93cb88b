-- Accounts somewhere else that users log in with. Times are in microseconds since 1970, UTC.
-- Takes the programs before it.
-- In `credentials`, an empty hash says from now on that there is no password. Those programs take it for a corrupt one, and let nobody in by it.
CREATE TABLE identities (
    identity_id BLOB    PRIMARY KEY,
    -- Who vouches for it, and who it is there: told apart to the letter.
    issuer      TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    user_id     BLOB    NOT NULL,
    linked_at   INTEGER NOT NULL,
    UNIQUE (issuer, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX identities_of_user ON identities (user_id);
