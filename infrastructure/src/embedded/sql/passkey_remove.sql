DELETE FROM passkeys WHERE passkey_id = ?2 AND user_id = ?1
