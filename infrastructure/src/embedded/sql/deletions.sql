SELECT position, category, stream_id, version, event_type, schema, facts, content, thread_id, actor, command_id, ordinal, fingerprint,
       correlation, causation, recorded_at, hash
  FROM events
 WHERE stream_id = ?1 AND event_type IN ('message.deleted', 'thread.messages_deleted')
 ORDER BY position
