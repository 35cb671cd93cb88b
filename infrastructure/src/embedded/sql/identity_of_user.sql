SELECT identity_id, issuer, subject, user_id, linked_at FROM identities WHERE user_id = ?1
