-- Finds out whether somebody is suspended, at every connect. Costs nothing to any other event.
CREATE INDEX events_suspensions ON events (stream_id, version) WHERE event_type IN ('user.suspended', 'user.reinstated');

-- What is known of the newest connection of each device. In no index: it is written within the row's page.
ALTER TABLE cursors ADD COLUMN session_id uuid, ADD COLUMN connected_at timestamptz;

-- Who may do nothing, and what people are to the service.
ALTER TABLE view_profiles
    ADD COLUMN suspended boolean NOT NULL DEFAULT false,
    ADD COLUMN admin boolean NOT NULL DEFAULT false,
    ADD COLUMN auditor boolean NOT NULL DEFAULT false;
ALTER TABLE rebuild.view_profiles
    ADD COLUMN suspended boolean NOT NULL DEFAULT false,
    ADD COLUMN admin boolean NOT NULL DEFAULT false,
    ADD COLUMN auditor boolean NOT NULL DEFAULT false;
