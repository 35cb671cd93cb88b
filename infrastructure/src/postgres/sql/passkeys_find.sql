SELECT passkey_id, user_id, credential, key, name, created_at, used_at, used_ceremony, revision FROM passkeys WHERE credential = $1
