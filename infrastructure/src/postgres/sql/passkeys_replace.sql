UPDATE passkeys SET key = $2, name = $3, used_at = $4, used_ceremony = $5, revision = $6
WHERE passkey_id = $1 AND revision + 1 = $6
