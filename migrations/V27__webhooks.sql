-- What is owed to webhooks. Positions only: the events are in the log.

-- Up to where everything that is owed is in the inboxes, or was. No row until there is an endpoint.
CREATE TABLE webhook_intake (
    one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    taken bigint NOT NULL
) WITH (fillfactor = 50);

-- Who may send to each endpoint, until when, and how it is doing.
CREATE TABLE webhook_endpoints (
    name text PRIMARY KEY,
    -- What is at or below was recorded before the endpoint was configured.
    since bigint NOT NULL,
    epoch bigint NOT NULL DEFAULT 0,
    holder uuid,
    expires_at timestamptz NOT NULL DEFAULT '-infinity',
    failing_since timestamptz,
    disabled_at timestamptz
) WITH (fillfactor = 50);

CREATE TABLE webhook_inbox (
    endpoint text NOT NULL REFERENCES webhook_endpoints,
    position bigint NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT 'epoch',
    PRIMARY KEY (endpoint, position)
) WITH (autovacuum_vacuum_scale_factor = 0.05); -- Rows come and go.

CREATE TABLE webhook_dead (
    endpoint text NOT NULL REFERENCES webhook_endpoints,
    position bigint NOT NULL,
    tries integer NOT NULL,
    reason text NOT NULL,
    died_at timestamptz NOT NULL,
    PRIMARY KEY (endpoint, position)
);
