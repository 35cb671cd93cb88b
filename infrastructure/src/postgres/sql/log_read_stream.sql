SELECT
    position, version, recorded_at, stream_id, command_id, correlation, thread_id, actor, causation, schema, ordinal, category, event_type,
    fingerprint, hash, facts::text AS facts, content
FROM events
WHERE stream_id = $1 AND category = $2 AND version > $3
ORDER BY version
LIMIT $4
