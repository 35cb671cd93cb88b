-- Versions of a stream have no holes, so the highest is how many events it has.
SELECT max(version) FROM events WHERE stream_id = ?1 AND category = ?2
