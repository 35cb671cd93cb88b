-- Mails that are owed: to which address, and what for. Neither what they say nor the tokens in them: both are made when they are sent.
-- Takes the programs before it.
CREATE TABLE mail_queue (
    mail_id uuid PRIMARY KEY,
    purpose text NOT NULL,
    address text NOT NULL,
    -- The same as it is compared.
    folded text NOT NULL,
    queued_at timestamptz NOT NULL,
    -- Nobody takes it before.
    due_at timestamptz NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    -- When and why it was given up.
    died_at timestamptz,
    reason text
);
-- Of what waits there is one for an address and a purpose, however often it is asked for.
CREATE UNIQUE INDEX mail_queue_waiting ON mail_queue (folded, purpose) WHERE died_at IS NULL;
CREATE INDEX mail_queue_due ON mail_queue (due_at) WHERE died_at IS NULL;
CREATE INDEX mail_queue_dead ON mail_queue (died_at) WHERE died_at IS NOT NULL;

-- What was sent to somebody to be given back once, as SHA-256. Never in the log, never in a view.
CREATE TABLE one_time_tokens (
    digest bytea PRIMARY KEY,
    purpose text NOT NULL,
    user_id uuid NOT NULL,
    -- The mail that it was sent in; one that is sent again brings another.
    mail_id uuid NOT NULL,
    -- SHA-256 of what it is good for: the hash of the password that it replaces, or the address that it verifies.
    bound bytea NOT NULL,
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX one_time_tokens_of_user ON one_time_tokens (user_id, purpose);
CREATE INDEX one_time_tokens_run_out ON one_time_tokens (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON mail_queue, one_time_tokens TO posthaste_server;
