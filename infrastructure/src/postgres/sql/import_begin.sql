-- Locks the head, so that whoever appends waits, and says what there is already and whether a relay is at work.
SELECT h.position, h.hash, (SELECT r.holder IS NOT NULL AND r.expires_at > clock_timestamp() FROM relay_lease r) AS relaying
FROM log_head h ORDER BY h.position DESC LIMIT 1 FOR UPDATE OF h
