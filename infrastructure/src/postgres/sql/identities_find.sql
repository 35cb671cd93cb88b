SELECT identity_id, issuer, subject, user_id, linked_at FROM identities WHERE issuer = $1 AND subject = $2
