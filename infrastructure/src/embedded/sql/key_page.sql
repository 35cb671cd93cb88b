SELECT owner_id, wrapped, destroyed FROM content_keys WHERE owner_id > ?1 ORDER BY owner_id LIMIT ?2
