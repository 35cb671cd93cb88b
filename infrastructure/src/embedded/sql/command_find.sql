-- The events of a command stand one after the other.
SELECT fingerprint, position, position + (SELECT max(ordinal) FROM events WHERE command_id = ?1)
  FROM events
 WHERE command_id = ?1 AND ordinal = 0
