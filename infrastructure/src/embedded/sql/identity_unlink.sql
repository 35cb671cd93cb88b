DELETE FROM identities WHERE identity_id = ?2 AND user_id = ?1 AND (SELECT count(*) FROM identities WHERE user_id = ?1) > ?3
