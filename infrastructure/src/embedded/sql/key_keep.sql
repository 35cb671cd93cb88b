INSERT INTO content_keys (owner_id, wrapped) VALUES (?1, ?2) ON CONFLICT (owner_id) DO NOTHING
