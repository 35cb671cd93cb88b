-- When a user first said that they had read a thread up to a position, and on which device; a stream of its own for each of them.
SELECT recorded_at, json_extract(facts, '$.device')
  FROM events
 WHERE event_type = 'subscription.read' AND stream_id = ?1 AND json_extract(facts, '$.upto') >= ?2
 ORDER BY json_extract(facts, '$.upto')
 LIMIT 1
