-- Counts the connections of each device, over all nodes: the newest wins.
ALTER TABLE cursors ADD COLUMN generation bigint NOT NULL DEFAULT 0;

-- Finds out whether a login was ended, at every connect. Costs nothing to any other event.
CREATE INDEX events_revocations ON events (stream_id, (facts ->> 'session')) WHERE event_type = 'user.session_revoked';
