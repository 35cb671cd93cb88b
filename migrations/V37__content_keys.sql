-- What personal content in events is sealed by: a key for each user, and one for each thread, wrapped by a master key from the configuration.
-- Apart from the log, so that a copy of that says nothing by itself; a key that is gone takes with it whatever it has sealed.
-- Takes the programs before it.
CREATE TABLE content_keys (
    owner_id uuid PRIMARY KEY,
    -- Null once it was destroyed: the row stays, so that there is never another.
    wrapped bytea
);
GRANT SELECT, INSERT, UPDATE (wrapped) ON content_keys TO posthaste_server;

-- Programs from before this cannot read what is sealed. With the first key there is no way back to them.
CREATE FUNCTION keep_former_programs_out() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE public.schema_compat SET oldest = 37 WHERE oldest < 37;
    RETURN NULL;
END
$$;
CREATE TRIGGER content_is_sealed AFTER INSERT ON content_keys FOR EACH ROW WHEN (new.wrapped IS NOT NULL)
EXECUTE FUNCTION keep_former_programs_out();

-- What an erased user logged in with is forgotten.
GRANT DELETE ON credentials TO posthaste_server;

-- Finds out whether somebody was erased, at every connect. Costs nothing to any other event.
CREATE INDEX events_erasures ON events (stream_id) WHERE event_type = 'user.erased';

-- Whose words a message says: what was forwarded stays its author's until it is edited.
CREATE INDEX view_timeline_speakers ON view_timeline ((CASE WHEN revision = 1 THEN coalesce(forwarded_author, by_user) ELSE by_user END))
WHERE message_id IS NOT NULL;
CREATE INDEX ON rebuild.view_timeline ((CASE WHEN revision = 1 THEN coalesce(forwarded_author, by_user) ELSE by_user END))
WHERE message_id IS NOT NULL;
