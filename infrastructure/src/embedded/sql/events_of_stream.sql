SELECT position, category, stream_id, version, event_type, schema, facts, content, thread_id, actor, command_id, ordinal, fingerprint,
       correlation, causation, recorded_at, hash
  FROM events
 WHERE stream_id = ?1 AND category = ?2 AND version > ?3
 ORDER BY version
 LIMIT ?4
