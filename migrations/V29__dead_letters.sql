-- Dead letters: what a view or a webhook cannot take, with its stream parked behind it. No copies: events are in the log.

CREATE TABLE dead_letters (
    -- view:<name> or webhook:<name>.
    consumer text COLLATE "C" NOT NULL,
    category text COLLATE "C" NOT NULL,
    stream_id uuid NOT NULL,
    -- The first event of the stream that was not taken.
    position bigint NOT NULL,
    version bigint NOT NULL,
    tries integer NOT NULL,
    reason text NOT NULL,
    died_at timestamptz NOT NULL,
    -- Somebody asked to have it tried again, or dropped, and that was not done yet. Of views only: they are folded anew.
    asked_at timestamptz,
    PRIMARY KEY (consumer, category, stream_id)
);

-- Events that are left out of a view for ever.
CREATE TABLE view_dropped (
    view text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (view, position)
);

-- Grows when somebody changes what is left out of a view, so that whoever takes events in or builds beside it finds out.
ALTER TABLE view_checkpoints ADD COLUMN revision bigint NOT NULL DEFAULT 0;

-- What was parked while a view is built beside the live one. Lost in a crash of the server, with everything that it belongs to.
CREATE UNLOGGED TABLE rebuild.dead_letters (LIKE public.dead_letters, PRIMARY KEY (consumer, category, stream_id));
ALTER TABLE rebuild.view_checkpoints ADD COLUMN revision bigint NOT NULL DEFAULT 0, ADD COLUMN purpose text;

-- As before, and with the revision and the purpose it begins with, and nothing parked.
CREATE OR REPLACE FUNCTION rebuild.begin_view(of_view text, by_holder uuid, in_epoch bigint, by_program text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t record;
BEGIN
    PERFORM FROM rebuild.leases l WHERE l.view = of_view AND l.holder = by_holder AND l.epoch = in_epoch FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    FOR t IN SELECT name FROM rebuild.view_tables v WHERE v.view = of_view ORDER BY name LOOP
        EXECUTE format('TRUNCATE rebuild.%I', t.name);
    END LOOP;
    DELETE FROM rebuild.dead_letters d WHERE d.consumer = 'view:' || of_view;
    DELETE FROM rebuild.view_checkpoints c WHERE c.view = of_view;
    IF by_program <> '' THEN
        INSERT INTO rebuild.view_checkpoints (view, position, program, revision, purpose)
        SELECT of_view, 0, by_program, v.revision, l.purpose
        FROM public.view_checkpoints v JOIN rebuild.leases l ON l.view = v.view WHERE v.view = of_view;
    END IF;
    RETURN true;
END
$$;

-- As before, and with nothing parked.
CREATE OR REPLACE FUNCTION reset_view(name text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    -- The row of the checkpoint is what batches and resets take turns by. Rows are deleted, not truncated: that would lock whole tables,
    -- in another order than a batch does, and the two would wait for each other.
    UPDATE view_checkpoints SET position = 0, revision = revision + 1 WHERE view = name;
    DELETE FROM dead_letters WHERE consumer = 'view:' || name;
    CASE name
        WHEN 'threads' THEN
            DELETE FROM view_threads;
            DELETE FROM view_members;
            DELETE FROM view_bans;
            DELETE FROM view_invites;
            DELETE FROM view_subscriptions;
        WHEN 'timeline' THEN
            DELETE FROM view_timeline;
            DELETE FROM view_pins;
            DELETE FROM view_reactions;
        WHEN 'people' THEN
            DELETE FROM view_profiles;
            DELETE FROM view_friends;
    END CASE;
END
$$;

-- What webhooks were given up on, and what waits behind it: taken out of the inbox until the stream goes on.
CREATE TABLE webhook_aside (
    endpoint text NOT NULL REFERENCES webhook_endpoints,
    category text COLLATE "C" NOT NULL,
    stream_id uuid NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (endpoint, category, stream_id, position)
);

-- The dead letters of before: of each stream the oldest, with the others behind it.
INSERT INTO webhook_aside (endpoint, category, stream_id, position)
SELECT d.endpoint, e.category, e.stream_id, d.position FROM webhook_dead d JOIN events e USING (position);
INSERT INTO dead_letters (consumer, category, stream_id, position, version, tries, reason, died_at)
SELECT DISTINCT ON (d.endpoint, e.category, e.stream_id)
    'webhook:' || d.endpoint, e.category, e.stream_id, d.position, e.version, d.tries, d.reason, d.died_at
FROM webhook_dead d JOIN events e USING (position)
ORDER BY d.endpoint, e.category, e.stream_id, d.position;
DELETE FROM webhook_dead;

-- The program of before may still run while this one is being rolled out: what it gives up, it gives up here.
CREATE FUNCTION park_given_up() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO webhook_aside (endpoint, category, stream_id, position)
    SELECT NEW.endpoint, e.category, e.stream_id, e.position FROM events e WHERE e.position = NEW.position
    ON CONFLICT DO NOTHING;
    INSERT INTO dead_letters (consumer, category, stream_id, position, version, tries, reason, died_at)
    SELECT 'webhook:' || NEW.endpoint, e.category, e.stream_id, e.position, e.version, NEW.tries, NEW.reason, NEW.died_at
    FROM events e WHERE e.position = NEW.position
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER park BEFORE INSERT ON webhook_dead FOR EACH ROW EXECUTE FUNCTION park_given_up();

REVOKE ALL ON FUNCTION park_given_up FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON dead_letters, view_dropped, webhook_aside, rebuild.dead_letters TO posthaste_server;
