SELECT owner_id, wrapped FROM content_keys WHERE owner_id = ANY ($1)
