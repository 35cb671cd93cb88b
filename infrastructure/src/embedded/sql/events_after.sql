SELECT position, category, stream_id, version, event_type, schema, facts, content, thread_id, actor, command_id, ordinal, fingerprint,
       correlation, causation, recorded_at, hash
  FROM events
 WHERE position > ?1
 ORDER BY position
 LIMIT ?2
