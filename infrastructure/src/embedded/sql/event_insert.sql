INSERT INTO events
      (position, category, stream_id, version, event_type, schema, facts, content, thread_id, actor, command_id, ordinal, fingerprint,
       correlation, causation, recorded_at, hash)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
