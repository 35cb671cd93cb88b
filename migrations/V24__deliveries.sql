-- What became of an event: to whom it was owed, and when it was sent, delivered and read.

-- Beyond what a device has acknowledged, this far was sent to it.
ALTER TABLE cursors ADD COLUMN sent_position bigint NOT NULL DEFAULT 0;

-- When what a device did not acknowledge soon was sent to it. What it acknowledged at once has no row here: it was sent by then.
CREATE TABLE cursor_sends (
    user_id uuid NOT NULL,
    device_id uuid NOT NULL,
    from_position bigint NOT NULL,
    to_position bigint NOT NULL CHECK (to_position > from_position),
    sent_at timestamptz NOT NULL,
    -- Finds the mark that covers an event: no two of a device overlap.
    PRIMARY KEY (user_id, device_id, to_position)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON cursor_sends EXECUTE FUNCTION refuse_change();
ALTER TABLE cursor_sends ENABLE ALWAYS TRIGGER append_only;
GRANT SELECT, INSERT ON cursor_sends TO posthaste_server;

-- Who was in a thread at a position, in the order of users. Written when somebody comes or goes.
CREATE INDEX event_users_of_thread ON event_users (thread_id, user_id, position DESC) INCLUDE (change) WHERE change IS NOT NULL;

-- Whom an event names without a change of membership. Grows at its right edge.
CREATE INDEX event_users_named ON event_users (position) WHERE change IS NULL;

-- How far somebody has read a thread. Written with nothing but reading.
CREATE INDEX events_readings ON events (((facts ->> 'thread')::uuid), ((facts ->> 'user')::uuid), ((facts ->> 'upto')::bigint))
    WHERE event_type = 'subscription.read';

-- For auditors: what became of every event for everyone it is owed to, as the server computes it. Ask for a position, or a few: everybody's
-- part in it is found by index. The id of an event follows from command_id and ordinal.
CREATE VIEW delivery_status AS
SELECT
    e.position, e.event_type, e.stream_id, e.thread_id, e.command_id, e.ordinal, owed.user_id,
    CASE
        WHEN reading.recorded_at IS NOT NULL THEN 'read'
        WHEN delivered.device_id IS NOT NULL THEN 'delivered'
        WHEN sent.device_id IS NOT NULL THEN 'sent'
        ELSE 'pending'
    END AS status,
    e.recorded_at AS committed_at,
    -- Clocks differ; the order of what happened does not.
    CASE WHEN sent.device_id IS NOT NULL THEN greatest(e.recorded_at, sent.at) END AS sent_at,
    sent.device_id AS sent_device,
    CASE WHEN delivered.device_id IS NOT NULL THEN greatest(e.recorded_at, delivered.at) END AS delivered_at,
    delivered.device_id AS delivered_device,
    CASE WHEN reading.recorded_at IS NOT NULL THEN greatest(e.recorded_at, delivered.at, reading.recorded_at) END AS read_at,
    reading.device_id AS read_device
FROM events e
CROSS JOIN LATERAL (
    -- Who was in its thread, whoever came or went with it included.
    SELECT latest.user_id
    FROM (
        SELECT DISTINCT ON (m.user_id) m.user_id, m.position, m.change
        FROM event_users m
        WHERE m.thread_id = e.thread_id AND m.change IS NOT NULL AND m.position <= e.position
        ORDER BY m.user_id, m.position DESC
    ) latest
    WHERE latest.change = 1 OR latest.position = e.position
    UNION
    -- Whom it names.
    SELECT named.user_id FROM event_users named WHERE named.position = e.position AND named.change IS NULL
) owed
LEFT JOIN LATERAL (
    -- The first move of a cursor that reached it.
    SELECT first.moved_at AS at, first.device_id
    FROM cursors c
    CROSS JOIN LATERAL (
        SELECT m.* FROM cursor_moves m
        WHERE m.user_id = c.user_id AND m.device_id = c.device_id AND m.to_position >= e.position
        ORDER BY m.to_position LIMIT 1
    ) first
    WHERE c.user_id = owed.user_id AND c.opened_position < e.position
    ORDER BY first.moved_at, first.device_id
    LIMIT 1
) delivered ON true
LEFT JOIN LATERAL (
    -- The first mark that covers it; what was acknowledged was sent by then.
    SELECT candidate.at, candidate.device_id
    FROM (
        SELECT first.sent_at AS at, first.device_id
        FROM cursors c
        CROSS JOIN LATERAL (
            SELECT s.* FROM cursor_sends s
            WHERE s.user_id = c.user_id AND s.device_id = c.device_id AND s.to_position >= e.position
            ORDER BY s.to_position LIMIT 1
        ) first
        WHERE c.user_id = owed.user_id AND first.from_position < e.position
        UNION ALL
        SELECT delivered.at, delivered.device_id WHERE delivered.device_id IS NOT NULL
    ) candidate
    ORDER BY candidate.at, candidate.device_id
    LIMIT 1
) sent ON true
LEFT JOIN LATERAL (
    -- The first reading that went as far. It counts once a device has the event.
    SELECT r.recorded_at, (r.facts ->> 'device')::uuid AS device_id
    FROM events r
    WHERE r.event_type = 'subscription.read' AND delivered.device_id IS NOT NULL
        AND (r.facts ->> 'thread')::uuid = e.thread_id AND (r.facts ->> 'user')::uuid = owed.user_id
        AND (r.facts ->> 'upto')::bigint >= e.position
    ORDER BY (r.facts ->> 'upto')::bigint
    LIMIT 1
) reading ON true;
GRANT SELECT ON delivery_status TO posthaste_server;
