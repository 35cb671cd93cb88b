-- What personal content in events is sealed by: a key for each user, and one for each thread, wrapped by a master key that is not in this file.
-- Takes the programs before it.
CREATE TABLE content_keys (
    -- Not the key of the table's tree: what is destroyed is overwritten where it stands.
    owner_id  BLOB    PRIMARY KEY NOT NULL,
    wrapped   BLOB    NOT NULL,
    -- The row stays, so that there is never another key.
    destroyed INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Programs from before this cannot read what is sealed. With the first key there is no way back to them.
CREATE TRIGGER content_is_sealed AFTER INSERT ON content_keys WHEN NOT new.destroyed
BEGIN
    UPDATE schema_compat SET oldest = 15 WHERE oldest < 15;
END;

-- Finds out whether somebody was erased, at every connect. Costs nothing to any other event.
CREATE INDEX events_by_erasure ON events (stream_id) WHERE event_type = 'user.erased';
