INSERT INTO content_keys AS known (owner_id, wrapped) VALUES ($1, NULL)
ON CONFLICT (owner_id) DO UPDATE SET wrapped = NULL WHERE known.wrapped IS NOT NULL
