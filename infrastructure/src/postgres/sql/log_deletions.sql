-- The events of these streams ($1) by which messages were deleted: one by itself, or several of a thread at once. By an index of those alone.
SELECT
    position, version, recorded_at, stream_id, command_id, correlation, thread_id, actor, causation, schema, ordinal, category, event_type,
    fingerprint, hash, facts::text AS facts, content
FROM events
WHERE stream_id = ANY ($1) AND event_type IN ('message.deleted', 'thread.messages_deleted')
ORDER BY position
