INSERT INTO passkeys (passkey_id, user_id, credential, key, name, created_at, used_at, used_ceremony, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING
