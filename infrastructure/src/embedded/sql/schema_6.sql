-- Dead letters: what a view or a webhook cannot take, with its stream parked behind it. No copies: events are above. Times are in
-- microseconds since 1970, UTC.
CREATE TABLE dead_letters (
    consumer  TEXT    NOT NULL,
    category  TEXT    NOT NULL,
    stream_id BLOB    NOT NULL,
    position  INTEGER NOT NULL,
    version   INTEGER NOT NULL,
    tries     INTEGER NOT NULL,
    reason    TEXT    NOT NULL,
    died_at   INTEGER NOT NULL,
    asked_at  INTEGER,
    PRIMARY KEY (consumer, category, stream_id)
) STRICT, WITHOUT ROWID;

-- Events that are left out of a view for ever.
CREATE TABLE view_dropped (
    view     TEXT    NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (view, position)
) STRICT, WITHOUT ROWID;

-- Grows when somebody asks for something else to be left out of a view, so that whoever folds it anew finds out.
CREATE TABLE view_revisions (
    view     TEXT PRIMARY KEY,
    revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO view_revisions VALUES ('threads', 0), ('timeline', 0), ('people', 0);

-- What webhooks were given up on, and what waits behind it: taken out of the inbox until the stream goes on.
CREATE TABLE webhook_aside (
    endpoint  TEXT    NOT NULL,
    category  TEXT    NOT NULL,
    stream_id BLOB    NOT NULL,
    position  INTEGER NOT NULL,
    PRIMARY KEY (endpoint, category, stream_id, position)
) STRICT, WITHOUT ROWID;

-- The dead letters of before: of each stream the oldest, with the others behind it.
INSERT INTO webhook_aside
SELECT d.endpoint, e.category, e.stream_id, d.position FROM webhook_dead d JOIN events e ON e.position = d.position;

INSERT INTO dead_letters
SELECT 'webhook:' || d.endpoint, e.category, e.stream_id, d.position, e.version, d.tries, d.reason, d.died_at, NULL
FROM webhook_dead d JOIN events e ON e.position = d.position
WHERE true ORDER BY d.position
ON CONFLICT DO NOTHING;

DROP TABLE webhook_dead;
