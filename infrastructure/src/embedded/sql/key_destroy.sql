INSERT INTO content_keys (owner_id, wrapped, destroyed) VALUES (?1, x'', 1)
ON CONFLICT (owner_id) DO UPDATE SET wrapped = zeroblob(length(wrapped)), destroyed = 1 WHERE NOT destroyed
