SELECT wrapped, destroyed FROM content_keys WHERE owner_id = ?1
