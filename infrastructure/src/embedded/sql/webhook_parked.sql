SELECT 1 FROM events e JOIN dead_letters d ON d.consumer = 'webhook:' || ?1 AND d.category = e.category AND d.stream_id = e.stream_id WHERE e.position = ?2
