INSERT INTO identities (identity_id, issuer, subject, user_id, linked_at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (issuer, subject) DO NOTHING
