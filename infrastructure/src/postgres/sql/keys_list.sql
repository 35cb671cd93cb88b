SELECT owner_id, wrapped FROM content_keys WHERE owner_id > $1 ORDER BY owner_id LIMIT $2
