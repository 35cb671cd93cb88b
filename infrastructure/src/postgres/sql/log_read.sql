SELECT
    position, version, recorded_at, stream_id, command_id, correlation, thread_id, actor, causation, schema, ordinal, category, event_type,
    fingerprint, hash, facts::text AS facts, content
FROM events
WHERE position > $1
ORDER BY position
LIMIT $2
