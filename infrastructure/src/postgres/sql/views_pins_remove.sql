DELETE FROM view_pins p USING unnest($1::uuid[], $2::uuid[]) AS r (thread_id, message_id)
WHERE p.thread_id = r.thread_id AND p.message_id = r.message_id
