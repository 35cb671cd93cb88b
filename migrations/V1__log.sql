-- The event log, and the role that may use it.

-- The server connects as this role, or as a member of it. It owns nothing, so it cannot switch off a trigger.
DO $$
BEGIN
    -- Roles belong to the whole cluster, so it may be there already.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'posthaste_server') THEN
        CREATE ROLE posthaste_server NOLOGIN;
    END IF;
EXCEPTION
    -- The migration of another database was faster.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO posthaste_server;
-- It compares the schema with what it was built for before it starts.
GRANT SELECT ON refinery_schema_history TO posthaste_server;

-- Columns of fixed width first: no padding.
CREATE TABLE events (
    position bigint PRIMARY KEY CHECK (position > 0),
    version bigint NOT NULL CHECK (version > 0),
    recorded_at timestamptz NOT NULL,
    stream_id uuid NOT NULL,
    command_id uuid NOT NULL,
    correlation uuid NOT NULL,
    thread_id uuid,
    actor uuid,
    causation uuid,
    schema smallint NOT NULL,
    -- The event's place among those of its command, from 0.
    ordinal smallint NOT NULL,
    category text COLLATE "C" NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    hash bytea NOT NULL,
    -- json keeps the exact bytes, which the hash covers; jsonb would rewrite them.
    facts json NOT NULL,
    -- Personal content, apart from the facts, so that it can be erased without touching them.
    content bytea
);
CREATE UNIQUE INDEX events_stream ON events (stream_id, category, version);
CREATE UNIQUE INDEX events_command ON events (command_id) WHERE ordinal = 0;
CREATE INDEX events_thread ON events (thread_id, position) WHERE thread_id IS NOT NULL;

-- The users whom an event names as recipients, whatever their membership of its thread.
CREATE TABLE event_users (
    user_id uuid NOT NULL,
    position bigint NOT NULL,
    -- Set together: of which thread the user is a member from this event on (1) or up to this event (-1), itself included.
    thread_id uuid,
    change smallint CHECK (change IN (1, -1)),
    PRIMARY KEY (user_id, position),
    CHECK ((thread_id IS NULL) = (change IS NULL))
);
CREATE INDEX event_users_membership ON event_users (user_id, thread_id, position) WHERE change IS NOT NULL;

-- The end of the log, in one row, which every append locks. The row has a new version after each append, and old versions stay as
-- long as any transaction anywhere can see them; by the index on the position the newest one is found first.
CREATE TABLE log_head (
    position bigint PRIMARY KEY,
    hash bytea NOT NULL
);
INSERT INTO log_head VALUES (0, decode(repeat('00', 32), 'hex'));

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'posthaste: % of % is refused: what is recorded stays', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;

-- For each statement, so that TRUNCATE is caught and an insert costs nothing. ALWAYS: replication does not get around it.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event_users EXECUTE FUNCTION refuse_change();
CREATE TRIGGER one_row BEFORE INSERT OR DELETE OR TRUNCATE ON log_head EXECUTE FUNCTION refuse_change();
ALTER TABLE events ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE event_users ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE log_head ENABLE ALWAYS TRIGGER one_row;

GRANT SELECT ON events, event_users, log_head TO posthaste_server;
