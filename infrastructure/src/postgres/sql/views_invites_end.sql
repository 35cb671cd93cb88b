DELETE FROM view_invites WHERE invite_id = ANY ($1)
