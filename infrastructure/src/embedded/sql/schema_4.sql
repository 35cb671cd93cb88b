-- Counts the connections of each device: the newest wins.
ALTER TABLE cursors ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;

-- Finds out whether a login was ended, at every connect. Costs nothing to any other event.
CREATE INDEX events_by_revocation ON events (stream_id, facts ->> '$.session') WHERE event_type = 'user.session_revoked';
