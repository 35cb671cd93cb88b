-- Durable consumers: how far each has come in the log, what it has rejected and how often, and what was given up.
CREATE TABLE consumers (
    name       TEXT PRIMARY KEY,
    checkpoint INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE consumer_rejected (
    name     TEXT    NOT NULL,
    position INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    PRIMARY KEY (name, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE consumer_dead (
    name     TEXT    NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (name, position)
) STRICT, WITHOUT ROWID;

-- What is owed to webhooks. Positions only: the events are above. Times are in microseconds since 1970, UTC.
CREATE TABLE webhook_intake (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    taken INTEGER NOT NULL
) STRICT;

CREATE TABLE webhook_endpoints (
    name          TEXT PRIMARY KEY,
    since         INTEGER NOT NULL,
    epoch         INTEGER NOT NULL DEFAULT 0,
    holder        BLOB,
    held_until    INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER,
    disabled_at   INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_inbox (
    endpoint TEXT    NOT NULL,
    position INTEGER NOT NULL,
    tries    INTEGER NOT NULL DEFAULT 0,
    due_at   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (endpoint, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_dead (
    endpoint TEXT    NOT NULL,
    position INTEGER NOT NULL,
    tries    INTEGER NOT NULL,
    reason   TEXT    NOT NULL,
    died_at  INTEGER NOT NULL,
    PRIMARY KEY (endpoint, position)
) STRICT, WITHOUT ROWID;
