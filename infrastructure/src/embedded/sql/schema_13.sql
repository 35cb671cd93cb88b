-- Mails that are owed, and the hashes of what is sent in them. Times are in microseconds since 1970, UTC.
-- Takes the programs before it.
CREATE TABLE mail_queue (
    mail_id   BLOB    PRIMARY KEY,
    purpose   TEXT    NOT NULL,
    address   TEXT    NOT NULL,
    -- The same as it is compared.
    folded    TEXT    NOT NULL,
    queued_at INTEGER NOT NULL,
    -- Nobody takes it before.
    due_at    INTEGER NOT NULL,
    tries     INTEGER NOT NULL DEFAULT 0,
    -- When and why it was given up.
    died_at   INTEGER,
    reason    TEXT
) STRICT, WITHOUT ROWID;
-- Of what waits there is one for an address and a purpose, however often it is asked for.
CREATE UNIQUE INDEX mail_queue_waiting ON mail_queue (folded, purpose) WHERE died_at IS NULL;
CREATE INDEX mail_queue_due ON mail_queue (due_at) WHERE died_at IS NULL;
CREATE INDEX mail_queue_dead ON mail_queue (died_at) WHERE died_at IS NOT NULL;

CREATE TABLE one_time_tokens (
    digest     BLOB    PRIMARY KEY,
    purpose    TEXT    NOT NULL,
    user_id    BLOB    NOT NULL,
    mail_id    BLOB    NOT NULL,
    bound      BLOB    NOT NULL,
    made_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX one_time_tokens_of_user ON one_time_tokens (user_id, purpose);
CREATE INDEX one_time_tokens_run_out ON one_time_tokens (expires_at);
