INSERT INTO content_keys (owner_id, wrapped) SELECT * FROM unnest($1::uuid[], $2::bytea[]) ON CONFLICT (owner_id) DO NOTHING
