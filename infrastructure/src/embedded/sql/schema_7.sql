-- Finds out whether somebody is suspended, at every connect. Costs nothing to any other event.
CREATE INDEX events_by_suspension ON events (stream_id, version) WHERE event_type IN ('user.suspended', 'user.reinstated');

-- What is known of the newest connection of each device.
ALTER TABLE cursors ADD COLUMN session_id BLOB;
ALTER TABLE cursors ADD COLUMN connected_at INTEGER; -- microseconds since 1970, UTC
